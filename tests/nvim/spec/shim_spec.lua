-- The plugin by itself, against the scripted stand-in: drawing, review, prompts, settings, the command.

local fake = dofile(vim.env.INTERLINE_ROOT .. '/tests/nvim/lib/fake.lua')

local function begin(child, lines)
  child:lua(fake)
  vim.fn.writefile(lines or { 'one', 'two', 'three', 'four' }, child.work .. '/a.txt')
  child:open('a.txt')
  child:wait('local c = vim.lsp.get_clients({ name = "interline", bufnr = 0 })[1] return c and c.initialized')
end

local function hunk(id, row, old, new, more)
  return vim.tbl_extend('force', {
    id = id, session = 's', kind = 'text', state = 'pending',
    startLine = row, lineCount = #old, oldLines = old, newLines = new,
  }, more or {})
end

test('nothing is loaded or started until it is used', {}, function(child)
  child:open('x.txt')
  equal({}, child:lua([[
    return vim.tbl_filter(function(name) return vim.startswith(name, 'interline') end, vim.tbl_keys(package.loaded))
  ]]))
  equal(0, child:lua('return #vim.lsp.get_clients()'))
  equal('', child:lua('return require("interline").status()'))
end)

test('a hunk is drawn: old lines marked, new ones below, a sign and a hint', {}, function(child)
  begin(child)
  child:lua('hunks(...)', { hunk('h1', 1, { 'two' }, { 'TWO', 'and a half' }) })
  equal({
    new = { { 1, 'TWO' }, { 1, 'and a half' } },
    signs = { { 1, '~' } },
    deleted = { { 1, 2 } },
    hints = { 'interline 1/1 · accept or reject' },
    verdicts = {},
  }, child:drawn())
  equal({ 'one', 'two', 'three', 'four' }, child:lines(), 'drawing changes no text')
end)

test('a verdict that is longer than the window goes on in the next line', {}, function(child)
  begin(child)
  local long = vim.tbl_extend('force', hunk('h1', 1, { 'two' }, { '  TWO' }), {
    verdict = { state = 'notChecked', text = ('not checked: ' .. ('words of a reason '):rep(8)) },
  })
  child:lua('hunks(...)', { long })
  local cells = child:lua('local shown = vim.fn.getwininfo(vim.api.nvim_get_current_win())[1] return shown.width - shown.textoff')
  local lines = child:lua([[
    local marks = vim.api.nvim_buf_get_extmarks(0, -1, 0, -1, { details = true })
    local text = {}
    for _, mark in ipairs(marks) do
      for _, line in ipairs(mark[4].virt_lines or {}) do
        text[#text + 1] = vim.iter(line):map(function(chunk) return chunk[1] end):join('')
      end
    end
    return text
  ]])
  equal(true, #lines >= 3, vim.inspect(lines))
  for index = 2, #lines do
    equal(true, #lines[index] <= cells and vim.startswith(lines[index], '  '), vim.inspect(lines))
  end
  contains('words of a reason', lines[#lines])
end)

test('insertions, deletions and conflicts have signs of their own', {}, function(child)
  begin(child)
  child:lua('hunks(...)', {
    hunk('h1', 0, {}, { 'zero' }),
    hunk('h2', 1, { 'two' }, {}),
    hunk('h3', 3, { 'four' }, { '4' }, { state = 'conflict' }),
  })
  local drawn = child:drawn()
  equal({ { 0, '+' }, { 1, '-' }, { 3, '!' } }, drawn.signs)
  equal({ { 0, 'zero' }, { 3, '4' } }, drawn.new)
  contains('conflict', drawn.hints[3])
end)

test('a hunk at the end of the file and beyond its lines does no harm', {}, function(child)
  begin(child)
  child:lua('hunks(...)', { hunk('h1', 4, {}, { 'five' }), hunk('h2', 40, { 'x' }, { 'y' }) })
  equal({ 3, 'five' }, child:drawn().new[1])
end)

test('marks move with the text, and a message about an older text is asked for anew', {}, function(child)
  begin(child)
  local list = { hunk('h1', 2, { 'three' }, { 'THREE' }) }
  child:lua('hunks(...)', list)
  child:keys('ggOabove<Esc>')
  equal({ { 3, 'THREE' } }, child:drawn().new)
  child:lua([[
    local moved, old = ...
    reply['interline.hunks'] = function(argument)
      return { documents = { { uri = argument.uri, version = require('interline.attach').version(1), hunks = { moved } } } }
    end
    hunks({ old }, 0)
  ]], hunk('h1', 3, { 'three' }, { 'MOVED' }), list[1])
  equal({ { 3, 'THREE' } }, child:drawn().new, 'the old message is not drawn')
  child:wait([[
    local ns = vim.api.nvim_get_namespaces()['interline.hunks']
    local mark = vim.api.nvim_buf_get_extmarks(0, ns, 0, -1, { details = true })[1]
    return mark and mark[2] == 3 and mark[4].virt_lines and mark[4].virt_lines[1][1][1] == 'MOVED'
  ]])
end)

test('accept takes the hunk under the cursor, and the only one from anywhere', {}, function(child)
  begin(child)
  child:lua('hunks(...)', { hunk('h1', 0, { 'one' }, { '1' }), hunk('h3', 2, { 'three' }, { '3' }) })
  child:cmd('2')
  child:cmd('Interline accept')
  contains('no change under the cursor', child:lua('return notes[#notes]'))
  child:cmd('3')
  child:cmd('Interline accept')
  child:cmd('1,3Interline reject')
  child:wait('return #commands() == 3')
  equal({
    { command = 'interline.accept', arguments = { { hunk = 'h3' } } },
    { command = 'interline.reject', arguments = { { hunk = 'h3' } } },
    { command = 'interline.reject', arguments = { { hunk = 'h1' } } },
  }, child:lua('return commands()'))
  child:lua('hunks(...)', { hunk('h1', 0, { 'one' }, { '1' }) })
  child:cmd('4')
  child:cmd('Interline accept')
  child:wait('return #commands() == 4')
end)

test('next and prev go from hunk to hunk and around', {}, function(child)
  begin(child)
  child:lua('hunks(...)', { hunk('h1', 1, { 'two' }, { '2' }), hunk('h3', 3, { 'four' }, { '4' }) })
  local function row() return child:lua('return vim.api.nvim_win_get_cursor(0)[1]') end
  child:cmd('Interline next')
  equal(2, row())
  child:cmd('Interline next')
  equal(4, row())
  child:cmd('Interline next')
  equal(2, row())
  child:cmd('Interline prev')
  equal(4, row())
end)

test('the end of a turn fills the quickfix list and raises user autocommands, no window opens', {}, function(child)
  begin(child)
  child:lua([[event({ type = 'turnStarted', turn = 't', title = 'fix it' })]])
  contains('fix it', child:lua('return require("interline").status()'))
  child:lua('hunks(...)', { hunk('h1', 1, { 'two' }, { '2' }), hunk('h3', 3, { 'four' }, { '4' }) })
  child:lua([[event({ type = 'turnEnded', turn = 't', outcome = 'done', message = 'did it' })]])
  equal({ 2, 4 }, child:lua('return vim.tbl_map(function(i) return i.lnum end, vim.fn.getqflist())'))
  equal(1, child:lua('return #vim.api.nvim_list_wins()'))
  equal({ 'InterlineAttached', 'InterlineTurnStarted', 'InterlineHunks', 'InterlineTurnEnded' },
    child:lua('return vim.tbl_map(function(u) return u.name end, users)'))
  contains('2 to review', child:lua('return require("interline").status()'))
  child:keys('gg]q')
  equal(4, child:lua('return vim.api.nvim_win_get_cursor(0)[1]'))
  child:lua('hunks({})')
  equal(0, child:lua('return #vim.fn.getqflist()'))
  equal('', child:lua('return require("interline").status()'))
end)

test('the off-switches: hunks, enabled', {}, function(child)
  begin(child)
  child:lua('vim.b.interline_hunks = false')
  child:lua('hunks(...)', { hunk('h1', 1, { 'two' }, { '2' }) })
  equal({}, child:drawn().new)
  child:lua('vim.g.interline_enabled = false')
  vim.fn.writefile({ 'x' }, child.work .. '/b.txt')
  child:open('b.txt')
  vim.wait(200)
  equal(0, child:lua('return #vim.lsp.get_clients({ bufnr = 0 })'))
end)

local permission = {
  id = 'p1', session = 's', call = 'c', tool = 'shell', title = 'run `rm -rf build\27[2K`',
  detail = 'rm -rf build\nin the workspace', effects = { 'deletes files under build' }, danger = true,
  always = 'shell: rm build',
  options = {
    { answer = 'deny', label = 'Deny' },
    { answer = 'allow', label = 'Allow once' },
    { answer = 'allow_always', label = 'Always allow' },
  },
  position = 1,
  total = 1,
}
---The same where nothing can be destroyed.
local harmless = vim.tbl_extend('force', permission, { danger = false })

---Replaces vim.ui.select by one that records; `pick` chooses at once or later.
local recorder = [[
  _G.prompts = {}
  vim.ui.select = function(items, opts, choose)
    table.insert(prompts, {
      text = opts.prompt, items = vim.tbl_map(opts.format_item, items), kind = opts.kind, at = vim.uv.now(),
    })
    _G.pick = function(index) choose(items[index], index) end
    if _G.at_once then choose(items[_G.at_once], _G.at_once) end
  end
]]

test('permission: Deny first, effects in words, control characters visible', {}, function(child)
  begin(child)
  child:lua(recorder)
  child:lua([[ask('interline/requestPermission', ...)]], permission)
  child:wait('return prompts[1] ~= nil')
  local prompt = child:lua('return prompts[1]')
  equal({ 'Deny', 'Allow once', 'Always allow: shell: rm build' }, prompt.items)
  contains('run `rm -rf build\\e[2K`', prompt.text)
  contains('- deletes files under build', prompt.text)
  contains('can destroy something', prompt.text)
  equal('interline_permission', prompt.kind)
  contains('permission?', child:lua('return require("interline").status()'))
  vim.wait(450)
  -- A choice is not enough where something can be destroyed: neither is Enter after it.
  child:lua([[vim.ui.input = function(opts, done) _G.question, _G.say = opts.prompt, done end]])
  child:lua('pick(2)')
  child:wait('return say ~= nil')
  contains('Type yes', child:lua('return question'))
  equal({}, child:lua('return answers'))
  child:lua('say("yes")')
  child:wait('return answers[1] ~= nil')
  equal({ id = 'p1', answer = 'allow' }, child:lua('return answers[1]'))
end)

test('permission: danger is approved by the word alone; the place in the queue is shown', {}, function(child)
  begin(child)
  child:lua(recorder)
  local second = vim.tbl_extend('force', permission, { position = 2, total = 3 })
  child:lua([[ask('interline/requestPermission', ...)]], second)
  child:wait('return prompts[1] ~= nil')
  contains('(2 of 3)', child:lua('return prompts[1].text'))
  vim.wait(450)
  child:lua([[vim.ui.input = function(_, done) done('') end]])
  child:lua('pick(2)')
  child:wait('return answers[1] ~= nil')
  equal('deny', child:lua('return answers[1].answer'))
end)

test('saving on the word of a prompt saves those files, and says what it could not', {}, function(child)
  begin(child)
  child:lua([[vim.api.nvim_buf_set_lines(0, 0, 1, false, { 'changed' })]])
  child:lua([[ask('interline/save', { uris = { vim.uri_from_bufnr(0) } })]])
  child:wait('return answers[1] ~= nil')
  equal({}, child:lua('return answers[1]'))
  equal(false, child:lua('return vim.bo.modified'))
  child:lua([[vim.api.nvim_buf_set_lines(0, 0, 1, false, { 'again' }) vim.bo.readonly = true]])
  child:lua([[ask('interline/save', { uris = { vim.uri_from_bufnr(0) } })]])
  child:wait('return answers[2] ~= nil')
  contains('could not be saved', child:lua('return answers[2].problem'))
end)

test('permission: an approval in the first 400 ms does not count, a denial does', {}, function(child)
  begin(child)
  child:lua(recorder)
  child:lua([[ask('interline/requestPermission', ...)]], permission)
  child:wait('return prompts[1] ~= nil')
  child:lua('pick(2)')
  child:wait('return #prompts == 2', 1000, 'the prompt to be shown again')
  equal({}, child:lua('return answers'))
  child:lua('pick(1)')
  child:wait('return answers[1] ~= nil')
  equal('deny', child:lua('return answers[1].answer'))
end)

test('permission: dismissing denies; always is not offered where there is no rule', {}, function(child)
  begin(child)
  child:lua(recorder)
  local plain = vim.deepcopy(permission)
  plain.always, plain.options[3] = nil, nil
  child:lua([[ask('interline/requestPermission', ...)]], plain)
  child:wait('return prompts[1] ~= nil')
  equal({ 'Deny', 'Allow once' }, child:lua('return prompts[1].items'))
  child:lua('pick(99)')
  child:wait('return answers[1] ~= nil')
  equal({ id = 'p1', answer = 'deny' }, child:lua('return answers[1]'))
end)

test('permission: no prompt while the user types, then one at a time', {}, function(child)
  begin(child)
  child:lua(recorder)
  child:keys('ihello ')
  child:lua([[
    ask('interline/requestPermission', ...)
    ask('interline/requestPermission', ...)
  ]], permission)
  vim.wait(700)
  equal({}, child:lua('return prompts'), 'not in insert mode')
  child:type('<Esc>')
  child:wait('return #prompts == 1')
  vim.wait(600)
  equal(1, child:lua('return #prompts'), 'the second waits for the first')
  child:lua('pick(1)')
  child:wait('return #prompts == 2')
end)

test('permission: the end of the turn takes the prompt back, a late yes changes nothing', {}, function(child)
  begin(child)
  child:lua(recorder)
  child:lua([[ask('interline/requestPermission', ...)]], permission)
  child:wait('return prompts[1] ~= nil')
  child:lua([[event({ type = 'turnEnded', turn = 't', outcome = 'cancelled' })]])
  child:wait('return answers[1] ~= nil')
  vim.wait(450)
  child:lua('pick(2)')
  vim.wait(50)
  equal({ { id = 'p1', answer = 'deny' } }, child:lua('return answers'))
end)

test('permission: the real vim.ui.select, answered by keys', {}, function(child)
  begin(child)
  child:lua([[ask('interline/requestPermission', ...)]], harmless)
  vim.wait(600)
  child:type('2<CR>') -- within 400 ms of the prompt or not, this machine decides: ask until it is taken
  child:wait('return true')
  if child:lua('return answers[1] == nil') then
    vim.wait(600)
    child:type('2<CR>')
  end
  child:wait('return answers[1] ~= nil')
  equal('allow', child:lua('return answers[1].answer'))
end)

test('edit asks for the instruction that it lacks, ranges go as ranges', {}, function(child)
  begin(child)
  child:lua([[vim.ui.input = function(opts, done) done('make it so') end]])
  child:cmd('2,3Interline edit')
  child:wait('return #commands() == 1')
  local argument = child:lua('return commands()[1].arguments[1]')
  equal('make it so', argument.instruction)
  equal({ start = { line = 1, character = 0 }, ['end'] = { line = 2, character = 5 } }, argument.range)
  child:cmd('Interline edit do this')
  child:wait('return #commands() == 2')
  argument = child:lua('return commands()[2].arguments[1]')
  equal('do this', argument.instruction)
  equal(nil, argument.range)
end)

test('what is named by @ is completed on the command line and in the prompt', {}, function(child)
  begin(child)
  child:lua([[reply['interline.complete'] = function(argument)
    return { items = { { text = argument.begun .. 'rc/', detail = 'folder' } } }
  end]])
  equal({ '@src/' }, child:lua('return vim.fn.getcompletion("Interline edit look at @s", "cmdline")'))
  equal({ 'look at @src/' }, child:lua([[return require('interline.command').mentions('look at @s')]]))
  equal({}, child:lua([[return require('interline.command').mentions('look at s')]]))
  child:lua([[reply['interline.complete'] = nil]])
  equal({}, child:lua([[return require('interline.command').mentions('@s')]]))
end)

test('an answer is shown beside the code without taking the focus', {}, function(child)
  begin(child)
  child:lua([[reply['interline.transcript'] = { uri = 'x', text = '# Question\n\nAn *answer*.' }]])
  child:cmd('Interline ask what is this')
  child:wait([[return #vim.api.nvim_list_wins() == 2]])
  equal('a.txt', child:lua('return vim.fn.expand("%:t")'))
  child:wait([[
    local transcript = require('interline.transcript')
    local lines = vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(transcript.window()), 0, -1, false)
    return lines[3] == 'An *answer*.'
  ]])
  equal('markdown', child:lua('return vim.bo[vim.api.nvim_win_get_buf(require("interline.transcript").window())].filetype'))
  equal(true, child:lua('return vim.wo.number == vim.go.number and vim.wo.conceallevel == 0'), 'no option leaks')
end)

test('the server learns of other diagnostics and of the focus, not of its own', {}, function(child)
  begin(child)
  child:lua([[
    vim.diagnostic.set(vim.api.nvim_create_namespace('other'), 0, {
      { lnum = 1, col = 0, end_col = 3, message = 'no', severity = 1, source = 'other' } })
  ]])
  local function last(method)
    return child:wait(([[
      local found = vim.iter(sent):filter(function(m) return m.method == %q end):totable()
      return #found > 0 and found[#found].params
    ]]):format(method))
  end
  local params = last('interline/didChangeDiagnostics')
  equal({ start = { line = 1, character = 0 }, ['end'] = { line = 1, character = 3 } }, params.diagnostics[1].range)
  child:keys('3G')
  child:wait([[
    return vim.iter(sent):any(function(m)
      return m.method == 'interline/didChangeFocus' and m.params.selections[1].start.line == 2 end)
  ]])
end)

test('a wrong setting is named by its path', {}, function(child)
  equal(
    { false, 'interline: `hunks.sings` is not a setting, see :help interline-config' },
    child:lua([[return { pcall(require('interline').setup, { hunks = { sings = true } }) }]])
  )
  child:lua('vim.g.interline = function() return { progress = { echo = 3 } } end')
  equal(true, child:lua('return require("interline.config").get().progress.echo'))
  contains('`progress.echo` must be true or false, got 3', child:lua('return notes[1]'))
end)

test('the first request starts the server; a buffer that cannot be served says why', {}, function(child)
  child:lua((fake:gsub("vim.lsp.enable%('interline'%)", '')))
  child:cmd('Interline ask who are you')
  contains('no name yet', child:lua('return notes[1]'))
  vim.fn.writefile({ 'x' }, child.work .. '/a.txt')
  child:open('a.txt')
  child:cmd('Interline ask who are you')
  child:wait('return #commands() > 0')
  equal('who are you', child:lua('return commands()[1].arguments[1].text'))
end)

test('no binary: the command says what to do', { }, function(child)
  child:lua([[vim.g.interline = { cmd = { '/nowhere/interline', 'lsp' } }]])
  vim.fn.writefile({ 'x' }, child.work .. '/a.txt')
  child:open('a.txt')
  child:cmd('Interline fix')
  contains('`/nowhere/interline`, which is not executable', child:lua('return notes[1]'))
end)

test('completion and unknown subcommands', {}, function(child)
  equal({ 'accept', 'accept-all' }, child:lua('return vim.fn.getcompletion("Interline acc", "cmdline")'))
  equal({ 'plan' }, child:lua('return vim.fn.getcompletion("Interline mode p", "cmdline")'))
  equal({ 'reject', 'reject-all' }, child:lua([[return vim.fn.getcompletion("'<,'>Interline rej", "cmdline")]]))
  child:cmd('Interline nonsense')
  contains('`nonsense` is no subcommand', child:lua('return notes[1]'))
end)

test('diff shows the proposal beside the file, sessions and models are chosen', {}, function(child)
  begin(child)
  child:lua([[
    reply['interline.diff'] = { files = { { uri = vim.uri_from_bufnr(0), path = 'a.txt', before = 'one\n', after = 'one\nTWO\nthree\nfour\n' } } }
    reply['interline.sessions'] = { sessions = { { id = '01ABCDEFGHJKMNPQRSTVWXYZ00', title = 'old one' } } }
    reply['interline.model'] = { model = 'builtin', models = { 'builtin', 'sonnet' } }
    reply['interline.transcript'] = { uri = 'x', text = 'old words' }
    vim.ui.select = function(items, opts, choose) _G.offered = vim.tbl_map(opts.format_item, items) choose(items[#items], #items) end
  ]])
  child:cmd('Interline diff')
  child:wait('return #vim.api.nvim_list_tabpages() == 2')
  equal({ true, true }, child:lua('return vim.tbl_map(function(w) return vim.wo[w].diff end, vim.api.nvim_tabpage_list_wins(0))'))
  equal('a.txt', child:lua('return vim.fn.expand("%:t")'))
  child:keys('2Gdo')
  equal('TWO', child:lines()[2])
  child:cmd('tabclose')
  child:cmd('Interline model')
  child:wait('return offered ~= nil')
  equal({ 'builtin (now)', 'sonnet' }, child:lua('return offered'))
  child:cmd('Interline sessions')
  child:wait([[return vim.iter(commands()):any(function(c) return c.command == 'interline.resume' end)]])
  child:wait([[return #vim.api.nvim_list_wins() == 2]])
end)

test('what initialize announces is as the protocol says', {}, function(child)
  begin(child)
  local sent = child:lua([[
    local params = vim.iter(sent):find(function(m) return m.method == 'initialize' end).params
    return {
      vim.json.encode(params.initializationOptions.interline.settings),
      params.initializationOptions.interline,
      params.capabilities.general.positionEncodings,
    }
  ]])
  equal('{}', sent[1])
  sent[2].settings = nil
  equal({ permission = true, save = true, query = true, event = true, input = true, transcript = true }, sent[2])
  equal({ 'utf-16' }, sent[3])
  equal(false, child:lua([[return vim.iter(sent):any(function(m) return m.method == 'workspace/didChangeConfiguration' end)]]))
end)

test('settings go to the server, at the start', {}, function(child)
  child:lua([[require('interline').setup({ settings = { model = 'builtin' } })]])
  begin(child)
  local sent = child:lua([[return vim.iter(sent):find(function(m) return m.method == 'initialize' end).params]])
  equal({ model = 'builtin' }, sent.initializationOptions.interline.settings)
end)

test('hunks in files that are not open are listed, reached and drawn when opened', {}, function(child)
  begin(child)
  vim.fn.writefile({ 'x', 'y' }, child.work .. '/b.txt')
  child:lua([[
    local path, hunk = ...
    local uri = vim.uri_from_fname(path)
    reply['interline.hunks'] = function(argument)
      return { documents = argument.uri == uri and { { uri = uri, hunks = { hunk } } } or {} }
    end
    event({ type = 'hunksChanged', documents = { { uri = uri, hunks = { hunk } } } })
    event({ type = 'turnEnded', turn = 't', outcome = 'done' })
  ]], child.work .. '/b.txt', hunk('h1', 1, { 'y' }, { 'Y' }))
  equal(1, child:lua('return #vim.fn.getqflist()'))
  child:cmd('Interline next')
  equal('b.txt', child:lua('return vim.fn.expand("%:t")'))
  equal(2, child:lua('return vim.api.nvim_win_get_cursor(0)[1]'))
  child:wait([[return #vim.lsp.get_clients({ bufnr = 0, name = 'interline' }) == 1]])
  child:wait([[return #vim.api.nvim_buf_get_extmarks(0, vim.api.nvim_get_namespaces()['interline.hunks'], 0, -1, {}) > 0]])
  equal({ { 1, 'Y' } }, child:drawn().new)
end)
