-- The main job against the real server: fix, review, undo, edit, ask, cancel, permission.

local analyzer = [[
  vim.lsp.config('rust_analyzer', {
    cmd = { ... },
    filetypes = { 'rust' },
    root_markers = { 'Cargo.toml' },
    settings = { ['rust-analyzer'] = { cargo = { buildScripts = { enable = false } }, procMacro = { enable = false } } },
  })
  vim.lsp.enable('rust_analyzer')
]]

---Opens a file with the server attached.
local function open(child, path)
  child:lua([[vim.lsp.enable('interline')]])
  child:open(path)
  child:wait([[local c = vim.lsp.get_clients({ name = 'interline', bufnr = 0 })[1] return c and c.initialized]])
end

local function hunk_count(child)
  return child:lua('return require("interline.hunks").count()')
end

local function wait_hunks(child, count, timeout)
  child:wait(('return require("interline.hunks").count() == %d'):format(count), timeout or 20000, count .. ' hunks')
end

local function wait_end(child, outcome, timeout)
  local data = child:wait([[
    for _, user in ipairs(users) do
      if user.name == 'InterlineTurnEnded' then return user.data end
    end
  ]], timeout or 30000, 'the end of the turn')
  equal(outcome or 'done', data.outcome, vim.inspect(data))
  return data
end

---The row of the first line that contains a text.
local function row_of(child, text)
  for row, line in ipairs(child:lines()) do
    if line:find(text, 1, true) then
      return row
    end
  end
  error('not in the buffer: ' .. text .. '\n' .. child:text())
end

local function on_disk(child, path)
  return table.concat(vim.fn.readfile(child.work .. '/' .. path), '\n')
end

---An error that is only in the buffer: the file on disk has `let mut sum`.
local function break_buffer(child)
  vim.fn.system({ 'sed', '-i', 's/let sum = 0/let mut sum = 0/', child.work .. '/src/main.rs' })
  child:lua(analyzer, vim.env.INTERLINE_ANALYZER)
  open(child, 'src/main.rs')
  child:wait([[return #vim.diagnostic.get(0, { severity = 1 }) >= 1]], 60000, 'rust-analyzer')
  child:cmd(tostring(row_of(child, 'let mut sum')))
  child:keys('^fmdw')
  contains('let sum = 0;', child:text())
  child:wait([[
    return vim.iter(vim.diagnostic.get(0)):any(function(d) return d.message:find('cannot mutate', 1, true) ~= nil end)
  ]], 20000, 'the diagnostic of the unsaved text')
  local row = child:lua([[
    return vim.iter(vim.diagnostic.get(0)):find(function(d) return d.message:find('cannot mutate', 1, true) ~= nil end).lnum + 1
  ]])
  child:cmd(tostring(row))
end

test('fix: unsaved text, typing meanwhile, accept in the right place, one u takes it back', {
  fixture = 'broken', config = 'model = "builtin"',
}, function(child)
  break_buffer(child)
  child:cmd('Interline fix')
  wait_hunks(child, 1)
  wait_end(child)
  local drawn = child:drawn()
  local row = row_of(child, 'let sum = 0') - 1
  equal({ { row, '    let mut sum = 0;' } }, drawn.new)
  equal({ { row, '~' } }, drawn.signs)
  contains('let sum = 0;', child:text(), 'nothing lands by itself')

  child:keys('ggO// typed meanwhile<Esc>')
  child:keys('O// and more<Esc>')
  vim.wait(400)
  equal({ { row + 2, '    let mut sum = 0;' } }, child:drawn().new)
  child:cmd(tostring(row + 3))
  child:cmd('Interline accept')
  child:wait([[return vim.fn.search('let mut sum = 0', 'n') > 0]], 5000, 'the accepted text')
  wait_hunks(child, 0)
  equal({}, child:drawn().new)
  equal(row + 3, row_of(child, 'let mut sum = 0'))
  contains('// typed meanwhile', child:text())

  child:keys('u')
  contains('let sum = 0;', child:text())
  contains('// typed meanwhile', child:text())
  contains('// and more', child:text())
  contains('let mut sum', on_disk(child, 'src/main.rs'), 'the file on disk is as it was')
end)

test('reject drops the hunk', { fixture = 'broken', config = 'model = "builtin"' }, function(child)
  break_buffer(child)
  child:cmd('Interline fix')
  wait_hunks(child, 1)
  wait_end(child)
  local before = child:text()
  child:cmd('Interline reject')
  wait_hunks(child, 0)
  equal({ new = {}, verdicts = {}, signs = {}, deleted = {}, hints = {} }, child:drawn())
  equal(before, child:text())
end)

test('fix without another server: the compiler in a trusted folder', {
  fixture = 'broken', config = 'model = "builtin"',
}, function(child)
  open(child, 'src/main.rs')
  child:lua([[
    vim.ui.select = function(items, opts, choose)
      vim.defer_fn(function() choose(items[2], 2) end, 500)
    end
  ]])
  child:cmd('Interline trust')
  vim.wait(1500)
  child:cmd('Interline fix')
  wait_hunks(child, 2, 60000)
  equal(2, wait_end(child, 'done', 60000).hunks, 'the hunks come before the end')
  contains('clears 2 problems (E0308, E0596), no new problems, checked by cargo check', table.concat(child:lua('return notes'), '\n'))
  local verdict = 'clears 2 problems (E0308, E0596), no new problems, checked by cargo check'
  equal({ '✓ ' .. verdict, '✓ ' .. verdict }, child:drawn().verdicts, 'it stands on the hunks, from their first moment')
  child:keys('ggO// typed after the check<Esc>')
  local deadline = vim.uv.now() + 5000
  local old = 'before the last change: ' .. verdict
  while not vim.deep_equal({ old, old }, child:drawn().verdicts) and vim.uv.now() < deadline do
    vim.wait(50)
  end
  equal({ old, old }, child:drawn().verdicts)
  child:cmd('Interline accept-all')
  wait_hunks(child, 0)
  child:wait([[return vim.fn.search('let mut sum', 'n') > 0 and vim.fn.search('greeting(&name', 'n') > 0]])
end)

test('code actions: fix from the editor\'s own menu', { fixture = 'broken', config = 'model = "builtin"' }, function(child)
  break_buffer(child)
  vim.wait(1000) -- the shim tells of diagnostics once they are quiet
  child:lua([[
    vim.ui.select = function(items, opts, choose)
      _G.offered = vim.tbl_map(function(item) return item.action.title end, items)
      for index, item in ipairs(items) do
        if item.action.title == _G.wanted then return choose(item, index) end
      end
    end
    _G.wanted = 'Fix with Interline'
    vim.lsp.buf.code_action()
  ]])
  child:wait('return offered')
  wait_hunks(child, 1)
  wait_end(child)
  child:cmd(tostring(row_of(child, 'let sum')))
  child:lua([[_G.wanted = 'Accept this change' vim.lsp.buf.code_action()]])
  child:wait([[return vim.fn.search('let mut sum = 0', 'n') > 0]])
end)

local edit_script = { rules = { {
  when = { last_user_contains = 'return a Result' },
  steps = {
    { calls = { { tool = 'edit', input = {
      path = 'src/lib.rs',
      edits = { { old = 'fn half(n: u32) -> u32 {\n    n / 2\n}', new = 'fn half(n: u32) -> Result<u32, String> {\n    Ok(n / 2)\n}' } },
    } } } },
    { say = 'It returns a Result now.' },
  },
} } }

local function write(child, path, lines)
  vim.fn.mkdir(vim.fs.dirname(child.work .. '/' .. path), 'p')
  vim.fn.writefile(lines, child.work .. '/' .. path)
end

test('edit over a range, and typing into a hunk makes a conflict', { script = edit_script }, function(child)
  write(child, 'src/lib.rs', { '//! Lib.', '', 'fn half(n: u32) -> u32 {', '    n / 2', '}' })
  write(child, 'Cargo.toml', { '[package]', 'name = "x"' })
  open(child, 'src/lib.rs')
  child:cmd('3,5Interline edit make this return a Result')
  child:wait('return require("interline.hunks").count() > 0', 20000, 'hunks')
  wait_end(child)
  contains('Result<u32, String>', vim.inspect(child:drawn().new))
  local request = vim.inspect(child.model:events()[1].body)
  contains('make this return a Result', request)
  child:cmd('4')
  child:keys('A // mine<Esc>')
  child:wait([[
    return vim.iter(require('interline.hunks').all()):any(function(p) return p.hunk.state == 'conflict' end)
  ]], 5000, 'the conflict')
  contains('n / 2 // mine', child:text())
end)

test('ask: the answer is shown beside the code', {
  script = { steps = { { say = 'It halves **n**.' } } },
}, function(child)
  write(child, 'a.txt', { 'n / 2' })
  open(child, 'a.txt')
  child:cmd('Interline ask what does this do')
  wait_end(child)
  child:wait([[
    local window = require('interline.transcript').window()
    local text = window and table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, false), '\n')
    return text and text:find('It halves **n**.', 1, true) and text:find('what does this do', 1, true)
  ]], 5000, 'the answer')
  equal('a.txt', child:lua('return vim.fn.expand("%:t")'))
end)

test('cancel stops a turn that hangs', {
  script = { steps = { { say = ('x'):rep(400), fault = { hang_after_bytes = 600 } } } },
}, function(child)
  write(child, 'a.txt', { 'n / 2' })
  open(child, 'a.txt')
  child:cmd('Interline ask what does this do')
  child:wait([[return users[#users].name == 'InterlineTurnStarted']])
  vim.wait(500)
  child:cmd('Interline cancel')
  wait_end(child, 'cancelled', 3000)
end)

test('permission: Deny is first, dismissing denies, nothing runs', {
  script = { steps = {
    { calls = { { tool = 'shell', input = { command = 'touch made.txt && curl example.invalid' } } } },
    { say = 'Then not.' },
  } },
}, function(child)
  write(child, 'a.txt', { 'one' })
  open(child, 'a.txt')
  child:lua([[
    vim.ui.select = function(items, opts, choose)
      _G.offered = vim.tbl_map(opts.format_item, items)
      _G.asked = opts.prompt
      choose(nil)
    end
  ]])
  child:cmd('Interline ask run it')
  wait_end(child)
  equal('Deny', child:lua('return offered[1]'))
  contains('curl', child:lua('return asked'))
  equal(0, vim.fn.filereadable(child.work .. '/made.txt'))
end)

---Answers every prompt with the option that has this label, as a user who reads first.
local function choosing(child, label)
  child:lua([[
    local label = ...
    vim.ui.select = function(items, opts, choose)
      _G.offered = vim.tbl_map(opts.format_item, items)
      _G.asked = opts.prompt
      for index, item in ipairs(items) do
        if opts.format_item(item) == label then
          return vim.defer_fn(function() choose(item, index) end, 500)
        end
      end
      choose(nil)
    end
  ]], label)
end

---A folder with a history that is trusted, with a file open.
local function trusted(child, path)
  vim.system({ 'sh', '-c', 'git init -q && git add -A && git -c user.name=a -c user.email=a@b commit -qm one' }, { cwd = child.work }):wait()
  open(child, path)
  choosing(child, 'Trust')
  child:cmd('Interline trust')
  child:wait([[return vim.iter(notes):any(function(n) return n:find('trusted from now on', 1, true) ~= nil end)]], 10000, 'trust')
end

local function tag_script(first)
  local steps = { { calls = { { tool = 'shell', input = { command = 'cp a.txt copy.txt && git tag two' } } } }, { say = 'Done.' } }
  if first then
    table.insert(steps, 1, first)
  end
  return { steps = steps }
end

local function tagged(child)
  return vim.fn.filereadable(child.work .. '/.git/refs/tags/two') == 1
end

test('permission: run in the shadow instead leaves hunks, and the real files as they are', {
  script = tag_script(),
}, function(child)
  write(child, 'a.txt', { 'one' })
  trusted(child, 'a.txt')
  choosing(child, 'Run in the shadow instead')
  child:cmd('Interline ask tag it')
  wait_hunks(child, 1)
  wait_end(child)
  equal({ 'Deny', 'Allow once', 'Run in the shadow instead' }, child:lua('return offered'))
  equal(false, tagged(child))
  equal(0, vim.fn.filereadable(child.work .. '/copy.txt'))
end)

test('permission: accept and save, then run: the command sees what is on the screen', {
  script = tag_script({ calls = { { tool = 'edit', input = { path = 'a.txt', edits = { { old = 'two', new = 'TWO' } } } } } }),
}, function(child)
  write(child, 'a.txt', { 'one', 'two', 'three' })
  trusted(child, 'a.txt')
  child:keys('ggOtyped<Esc>')
  choosing(child, 'Accept and save all, then run')
  child:cmd('Interline ask shout in @a.txt and tag')
  wait_end(child)
  contains('1 hunk pending and 1 unsaved file are not seen', child:lua('return asked'))
  equal(true, tagged(child))
  equal('typed\none\nTWO\nthree', on_disk(child, 'copy.txt'))
  equal('typed\none\nTWO\nthree', child:text())
  equal(false, child:lua('return vim.bo.modified'))
end)

test('files that are no text and modes: shown, accepted, rejected, undone', {
  script = { steps = {
    { calls = { { tool = 'shell', input = {
      command = [[printf '\211PNG\r\n\032\n\000\001' > logo.png && chmod +x run.sh && rm old.bin]],
    } } } },
    { say = 'Done.' },
  } },
}, function(child)
  write(child, 'run.sh', { '#!/bin/sh', 'echo hi' })
  vim.fn.writefile({ 'old\n\1' }, child.work .. '/old.bin', 'b')
  trusted(child, 'run.sh')
  child:cmd('Interline ask draw it')
  wait_hunks(child, 3)
  wait_end(child)
  local function there(path) return vim.uv.fs_stat(child.work .. '/' .. path) ~= nil end
  equal({ 'interline 1/1 · becomes executable: accept or reject' }, child:drawn().hints)
  local listed = child:lua([[
    return vim.tbl_map(function(item)
      return vim.fn.fnamemodify(vim.fn.bufname(item.bufnr), ':t') .. ': ' .. item.text
    end, vim.fn.getqflist())
  ]])
  table.sort(listed)
  equal({ 'logo.png: new binary file, 10 bytes', 'old.bin: deletes the file', 'run.sh: becomes executable' }, listed)
  child:cmd('Interline accept')
  child:wait(('return vim.fn.executable(%q) == 1'):format(child.work .. '/run.sh'))
  wait_hunks(child, 2)
  child:cmd('Interline accept-all')
  wait_hunks(child, 0)
  equal(true, there('logo.png'))
  equal(false, there('old.bin'))
  child:cmd('Interline undo')
  local back = vim.wait(5000, function()
    return there('old.bin') and not there('logo.png') and vim.fn.executable(child.work .. '/run.sh') == 0
  end, 20)
  equal(true, back, 'all three are as they were')
  equal('#!/bin/sh\necho hi', child:text())
end)
