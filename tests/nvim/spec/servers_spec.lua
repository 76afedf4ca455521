-- `interline/query` over several servers at once, and over such that fail. Each server is scripted, inside the child.

local fake = dofile(vim.env.INTERLINE_ROOT .. '/tests/nvim/lib/fake.lua')

local servers = [[
  _G.told = {}   -- what a server was told, as 'NAME METHOD URI'
  _G.made = {}   -- name -> its dispatchers
  -- `answers`: method -> result, or function(params, callback), or 'never', or { error = message }.
  function _G.serve(name, answers, options)
    options = options or {}
    vim.lsp.config(name, {
      filetypes = options.filetypes or { 'text' },
      root_dir = options.root_dir or function(_, on_dir) on_dir(vim.fn.getcwd()) end,
      cmd = function(dispatchers)
        _G.made[name] = dispatchers
        local closing, id = false, 0
        local function log(method, params)
          table.insert(_G.told, ('%s %s %s'):format(name, method, vim.tbl_get(params or {}, 'textDocument', 'uri') or ''))
        end
        return {
          request = function(method, params, callback)
            id = id + 1
            log(method, params)
            local answer = answers[method]
            vim.schedule(function()
              if method == 'initialize' then
                return callback(nil, { capabilities = vim.tbl_extend('force', {
                  positionEncoding = options.encoding or 'utf-16',
                  textDocumentSync = { openClose = true, change = 2 },
                  definitionProvider = true, referencesProvider = true, hoverProvider = true, renameProvider = true,
                  documentSymbolProvider = true, workspaceSymbolProvider = true,
                  codeActionProvider = { resolveProvider = true },
                }, options.capabilities or {}) })
              end
              if closing or answer == 'never' then return end
              if type(answer) == 'function' then return answer(params, callback) end
              if type(answer) == 'table' and answer.error then
                return callback({ code = -32803, message = answer.error })
              end
              callback(nil, answer)
            end)
            return true, id
          end,
          notify = function(method, params)
            log(method, params)
            if method == 'exit' then closing = true dispatchers.on_exit(0, 0) end
            return true
          end,
          is_closing = function() return closing end,
          terminate = function() closing = true dispatchers.on_exit(0, 15) end,
        }
      end,
    })
    vim.lsp.enable(name)
  end
  function _G.at(line, first, last)
    return { start = { line = line, character = first }, ['end'] = { line = line, character = last or first } }
  end
  function _G.place(file, line, first, last)
    return { uri = vim.uri_from_fname(vim.fn.getcwd() .. '/' .. file), range = _G.at(line, first, last) }
  end
  function _G.listed()
    return vim.iter(vim.api.nvim_list_bufs()):map(function(b) return vim.fn.fnamemodify(vim.api.nvim_buf_get_name(b), ':t') end):totable()
  end
  -- As the real client runs a handler; what is wrong comes as { error = message }.
  function _G.ask(params, root)
    local client = vim.iter(vim.lsp.get_clients({ name = 'interline' })):find(function(c) return not root or c.root_dir == root end)
    _G.answer = nil
    coroutine.wrap(function()
      local result, err = client.handlers['interline/query'](nil, params, { client_id = client.id, method = 'interline/query' })
      _G.answer = result or { error = err.message }
    end)()
  end
]]

local function begin(child, text)
  child:lua(fake)
  child:lua(servers)
  vim.fn.writefile(text or { 'one', 'two' }, child.work .. '/a.txt')
  child:open('a.txt')
end

local function attached(child, count)
  child:wait(('return #vim.lsp.get_clients({ bufnr = 0 }) == %d and vim.iter(vim.lsp.get_clients()):all(function(c) return c.initialized end)'):format(count + 1))
end

local function query(child, params, root)
  params.uri = params.uri or params.kind ~= 'all' and not params.query and vim.uri_from_fname(child.work .. '/a.txt') or nil
  params.timeoutMs = params.timeoutMs or 2000
  params.kind = params.kind == 'all' and 'diagnostics' or params.kind
  child:lua('ask(...)', params, root)
  return child:wait('return answer', 12000)
end

test('two servers: their answers are merged, each place once, and both are named', {}, function(child)
  begin(child)
  child:lua([[
    serve('first', {
      ['textDocument/definition'] = { place('a.txt', 1, 0, 3) },
      ['textDocument/references'] = { place('a.txt', 1, 0, 3), place('a.txt', 0, 0, 3) },
      ['textDocument/hover'] = { contents = 'from the first' },
      ['textDocument/documentSymbol'] = { { name = 'two', kind = 12, range = at(1, 0, 3), selectionRange = at(1, 0, 3) } },
      ['textDocument/rename'] = { changes = { [place('a.txt').uri] = { { range = at(1, 0, 3), newText = 'three' } } } },
      ['textDocument/codeAction'] = { { title = 'fix', kind = 'quickfix', edit = { changes = {} } } },
    })
    serve('second', {
      ['textDocument/definition'] = place('a.txt', 1, 0, 3),
      ['textDocument/references'] = { place('b.txt', 4, 0, 3), place('a.txt', 0, 0, 3) },
      ['textDocument/hover'] = { contents = 'from the second' },
      ['textDocument/documentSymbol'] = { { name = 'two', kind = 13, location = place('a.txt', 1, 0, 3) }, { name = 'one', kind = 13, location = place('a.txt', 0, 0, 3) } },
      ['textDocument/rename'] = { changes = { [place('a.txt').uri] = { { range = at(1, 0, 3), newText = 'three' } } } },
      ['textDocument/codeAction'] = { { title = 'fix', kind = 'quickfix', edit = { changes = {} } }, { title = 'other', edit = { changes = {} } } },
    })
  ]])
  attached(child, 2)
  local position = { line = 1, character = 1 }
  local result = query(child, { kind = 'definition', position = position })
  equal({ 1, 'first,second', true }, { #result.items, result.source, result.settled })
  result = query(child, { kind = 'references', position = position })
  equal({ 3, 'first,second' }, { #result.items, result.source })
  result = query(child, { kind = 'hover', position = position })
  equal({ 'from the first\n\nfrom the second' }, result.items)
  result = query(child, { kind = 'symbols' })
  equal({ 'two', 'one' }, vim.tbl_map(function(item) return item.name end, result.items))
  result = query(child, { kind = 'rename', position = position, newName = 'three' })
  equal({ 1, 'first' }, { #result.items, result.source })
  result = query(child, { kind = 'quickFixes', line = 1 })
  equal({ 'fix', 'other' }, vim.tbl_map(function(item) return item.title end, result.items))
  equal('first,second', result.source)
end)

test('one of two that never answers, or fails, leaves the other, and the answer is not settled', {}, function(child)
  begin(child)
  child:lua([[
    serve('good', { ['textDocument/definition'] = { place('a.txt', 1, 0) }, ['textDocument/hover'] = { contents = 'known' } })
    serve('bad', { ['textDocument/definition'] = 'never', ['textDocument/hover'] = { error = 'out of order' } })
  ]])
  attached(child, 2)
  local result = query(child, { kind = 'definition', position = { line = 0, character = 0 }, timeoutMs = 300 })
  equal({ 1, 'good', false }, { #result.items, result.source, result.settled })
  result = query(child, { kind = 'hover', position = { line = 0, character = 0 } })
  equal({ { 'known' }, 'good', false }, { result.items, result.source, result.settled })
end)

test('a server that is still reading the project is asked again', {}, function(child)
  begin(child)
  child:lua([[
    _G.asked = 0
    serve('busy', { ['textDocument/hover'] = function(_, callback)
      asked = asked + 1
      if asked < 3 then return callback({ code = asked == 1 and -32801 or -32802, message = 'content modified' }) end
      callback(nil, { contents = 'read' })
    end })
    serve('never', { ['textDocument/documentSymbol'] = function(_, callback)
      callback({ code = -32801, message = 'content modified' })
    end })
  ]])
  attached(child, 2)
  local result = query(child, { kind = 'hover', position = { line = 0, character = 1 } })
  equal({ 'read' }, result.items)
  equal(3, child:lua('return asked'))
  result = query(child, { kind = 'symbols', timeoutMs = 700 })
  contains('never: ', result.error)
end)

test('where nobody answers the reason is told', {}, function(child)
  begin(child)
  child:lua([[serve('bad', { ['textDocument/definition'] = 'never', ['textDocument/rename'] = { error = 'no symbol here' }, ['textDocument/hover'] = vim.NIL })]])
  attached(child, 1)
  local position = { line = 0, character = 0 }
  equal('bad: no answer in 300 ms', query(child, { kind = 'definition', position = position, timeoutMs = 300 }).error)
  equal('bad: no symbol here', query(child, { kind = 'rename', position = position, newName = 'x' }).error)
  local result = query(child, { kind = 'hover', position = position })
  equal({ {}, '', true }, { result.items, result.source, result.settled })
  contains('nonsense', query(child, { kind = 'nonsense' }).error)
end)

test('a server that dies while it is asked hangs nobody, and the one after it answers', {}, function(child)
  begin(child)
  child:lua([[
    _G.lives = 0
    serve('mortal', {
      ['textDocument/definition'] = function(_, callback)
        lives = lives + 1
        if lives == 1 then
          vim.lsp.get_clients({ name = 'mortal' })[1]:stop(true)
        else
          callback(nil, { place('a.txt', 1, 0) })
        end
      end,
    })
  ]])
  attached(child, 1)
  local asked = { kind = 'definition', position = { line = 0, character = 0 }, timeoutMs = 500 }
  contains('mortal: ', query(child, asked).error)
  local result = query(child, { kind = 'diagnostics', timeoutMs = 500 })
  equal({ '', {} }, { result.source, result.items[1].diagnostics })
  child:lua([[vim.lsp.enable('mortal', false) vim.lsp.enable('mortal')]])
  attached(child, 1)
  result = query(child, asked)
  equal({ 1, 'mortal', true }, { #result.items, result.source, result.settled })
end)

test('diagnostics of two servers: both named; unsettled until both have spoken', {}, function(child)
  begin(child)
  child:lua([[
    local function pulled(message)
      return function(_, callback)
        callback(nil, { kind = 'full', items = { { range = at(0, 0, 3), severity = 1, message = message, source = message } } })
      end
    end
    _G.slow = 'never'
    serve('one', { ['textDocument/diagnostic'] = pulled('first') }, { capabilities = { diagnosticProvider = { interFileDependencies = false, workspaceDiagnostics = false } } })
    serve('two', { ['textDocument/diagnostic'] = function(...) if slow ~= 'never' then pulled('second')(...) end end }, { capabilities = { diagnosticProvider = { interFileDependencies = false, workspaceDiagnostics = false } } })
  ]])
  attached(child, 2)
  local result = query(child, { kind = 'diagnostics', timeoutMs = 400 })
  equal(false, result.settled)
  child:lua([[_G.slow = nil]])
  result = query(child, { kind = 'diagnostics' })
  local messages = vim.tbl_map(function(d) return d.message end, result.items[1].diagnostics)
  table.sort(messages)
  equal({ { 'first', 'second' }, 'one,two', true }, { messages, result.source, result.settled })
end)

test('a closed file is shown to the servers that run for it, and nothing of it stays', {}, function(child)
  begin(child)
  vim.fn.writefile({ 'closed', 'vim: set filetype=lua :' }, child.work .. '/b.txt')
  vim.fn.writefile({ 'also' }, child.work .. '/c.md')
  -- A swap file as of another Neovim: the editor would ask.
  child:lua([[
    vim.o.swapfile = true
    vim.fn.writefile({ 'b0VIM' }, vim.fn.getcwd() .. '/.b.txt.swp')
    _G.events = {}
    vim.api.nvim_create_autocmd({ 'BufAdd', 'BufReadPost', 'FileType', 'BufEnter', 'WinEnter', 'BufDelete', 'BufWipeout', 'LspAttach', 'SwapExists' }, {
      callback = function(event) table.insert(events, event.event .. ' ' .. event.file) end,
    })
    serve('one', {
      ['textDocument/hover'] = function(params, callback) callback(nil, { contents = params.textDocument.uri:match('[^/]+$') }) end,
      ['textDocument/diagnostic'] = function(params, callback)
        callback(nil, { kind = 'full', items = { { range = at(0, 0, 3), severity = 1, message = params.textDocument.uri:match('[^/]+$') } } })
      end,
    }, { capabilities = { diagnosticProvider = { interFileDependencies = false, workspaceDiagnostics = false } } })
    serve('markdown', {}, { filetypes = { 'markdown' } })
  ]])
  attached(child, 1)
  child:lua('_G.events, _G.told = {}, {}')
  local before = child:lua('return { listed(), vim.api.nvim_list_wins(), vim.api.nvim_get_current_buf(), vim.fn.execute("messages") }')
  local uri = vim.uri_from_fname(child.work .. '/b.txt')
  local result = query(child, { kind = 'hover', uri = uri, position = { line = 0, character = 0 } })
  equal({ { 'b.txt' }, 'one', true }, { result.items, result.source, result.settled })
  result = query(child, { kind = 'diagnostics', uri = uri })
  equal({ 'b.txt', 'one', true }, { vim.tbl_get(result.items, 1, 'diagnostics', 1, 'message'), result.source, result.settled })
  local told = vim.tbl_filter(function(line) return line:find('one textDocument/did') end, child:lua('return told'))
  equal({ 'one textDocument/didOpen ' .. uri, 'one textDocument/didClose ' .. uri, 'one textDocument/didOpen ' .. uri, 'one textDocument/didClose ' .. uri }, told)
  equal(before, child:lua('return { listed(), vim.api.nvim_list_wins(), vim.api.nvim_get_current_buf(), vim.fn.execute("messages") }'))
  equal({}, child:lua('return events'))
  -- Nobody runs for this kind of file, and nobody is started; nor is what isn't there.
  for _, name in ipairs({ '/c.md', '/none.txt' }) do
    query(child, { kind = 'hover', uri = vim.uri_from_fname(child.work .. name), position = { line = 0, character = 0 } })
  end
  equal({}, child:lua([[return vim.lsp.get_clients({ name = 'markdown' })]]))
  equal(before[1], child:lua('return listed()'))
end)

test('a closed file that the user opens meanwhile is theirs', {}, function(child)
  begin(child)
  vim.fn.writefile({ 'closed' }, child.work .. '/b.txt')
  child:lua([[
    _G.hovers = {}
    serve('one', { ['textDocument/hover'] = function(_, callback) table.insert(hovers, callback) end })
  ]])
  attached(child, 1)
  child:lua('ask(...)', { kind = 'hover', uri = vim.uri_from_fname(child.work .. '/b.txt'), position = { line = 0, character = 0 }, timeoutMs = 5000 })
  child:wait('return #hovers == 1')
  child:open('b.txt')
  child:wait([[return #vim.lsp.get_clients({ bufnr = 0 }) == 2]], 5000, 'both servers in the file')
  child:lua([[hovers[1](nil, { contents = 'late' })]])
  equal({ 'late' }, child:wait('return answer').items)
  equal({ 'b.txt', 'text', true, true }, child:lua([[return { vim.fn.expand('%:t'), vim.bo.filetype, vim.bo.buflisted, vim.bo.modeline == vim.go.modeline }]]))
  child:keys('ixyz<Esc>')
  equal({ 'xyzclosed' }, child:lines())
end)

test('two folders: each server of ours asks those of its own folder', {}, function(child)
  child:lua(fake)
  child:lua(servers)
  for _, name in ipairs({ 'left', 'right' }) do
    vim.fn.mkdir(child.work .. '/' .. name .. '/.git', 'p')
    vim.fn.writefile({ name }, child.work .. '/' .. name .. '/a.txt')
  end
  child:lua([[
    local function root(buf, on_dir) on_dir(vim.fs.dirname(vim.api.nvim_buf_get_name(buf))) end
    serve('symbols', {
      ['workspace/symbol'] = function(_, callback)
        callback(nil, { { name = 'x', kind = 12, location = place('left/a.txt', 0, 0) }, { name = 'x', kind = 12, location = place('right/a.txt', 0, 0) } })
      end,
    }, { root_dir = root })
  ]])
  child:open('left/a.txt')
  attached(child, 1)
  child:open('right/a.txt')
  attached(child, 1)
  equal(4, child:lua('return #vim.lsp.get_clients()'))
  child:lua('_G.told = {}')
  local result = query(child, { kind = 'symbols', query = 'x' }, child.work .. '/left')
  equal({ 2, 'symbols', true }, { #result.items, result.source, result.settled })
  equal({ 'symbols workspace/symbol ' }, child:lua('return told'), 'one of the two was asked')
  child:lua([[
    for _, buf in ipairs(vim.api.nvim_list_bufs()) do
      vim.diagnostic.set(vim.api.nvim_create_namespace('lint'), buf, { { lnum = 0, col = 0, message = vim.api.nvim_buf_get_name(buf) } })
    end
  ]])
  result = query(child, { kind = 'all', timeoutMs = 100 }, child.work .. '/left')
  contains('left/a.txt', vim.inspect(result.items))
  equal(nil, vim.inspect(result.items):find('right/a.txt', 1, true))
end)

for encoding, columns in pairs({ ['utf-8'] = { 8, 11 }, ['utf-16'] = { 4, 7 }, ['utf-32'] = { 2, 5 } }) do
  test('positions behind astral characters, a server that counts in ' .. encoding, {}, function(child)
    begin(child, { '😀😀abc 😀' })
    vim.fn.writefile({ '😀😀abc' }, child.work .. '/closed.txt')
    child:lua([[
      local encoding, first, last = ...
      _G.asked = {}
      local function keep(result)
        return function(params, callback) table.insert(asked, params.position) callback(nil, result) end
      end
      local edit = { { range = at(0, first, last), newText = 'x' } }
      serve('counts', {
        ['textDocument/definition'] = keep({ place('a.txt', 0, first, last), place('closed.txt', 0, first, last) }),
        ['textDocument/rename'] = keep({ changes = { [place('a.txt').uri] = edit }, documentChanges = {
          { textDocument = { uri = place('closed.txt').uri, version = vim.NIL }, edits = edit },
        } }),
      }, { encoding = encoding })
    ]], encoding, columns[1], columns[2])
    attached(child, 1)
    local wanted = { start = { line = 0, character = 4 }, ['end'] = { line = 0, character = 7 } }
    local result = query(child, { kind = 'definition', position = wanted.start })
    equal({ line = 0, character = columns[1] }, child:lua('return asked[1]'))
    equal({ wanted, wanted }, vim.tbl_map(function(item) return item.range end, result.items))
    result = query(child, { kind = 'rename', position = wanted.start, newName = 'x' })
    local edit = result.items[1]
    equal(wanted, edit.documentChanges[1].edits[1].range)
    equal(wanted, select(2, next(edit.changes))[1].range)
    equal({ 'a.txt' }, child:lua('return listed()'), 'places make no buffers')
  end)
end

test('quick fixes that are commands, fail to resolve or hold snippets are told as such', {}, function(child)
  begin(child)
  child:lua([[
    serve('fixes', {
      ['textDocument/codeAction'] = {
        { title = 'plain', command = 'do.it' },
        { title = 'action', kind = 'quickfix', command = { title = 'x', command = 'do.that' } },
        { title = 'lost', kind = 'quickfix', data = 1 },
        { title = 'off', kind = 'quickfix', disabled = { reason = 'no' } },
        { title = 'both', kind = 'quickfix', isPreferred = true, command = { title = 'x', command = 'after' }, edit = { documentChanges = {
          { textDocument = { uri = place('a.txt').uri, version = 1 }, edits = { { range = at(0, 0), newText = 'x', annotationId = 'a' } } },
          { textDocument = { uri = place('a.txt').uri, version = 1 }, edits = { { range = at(0, 0), snippet = { kind = 'snippet', value = '$0' } } } },
          { kind = 'create', uri = place('new.txt').uri },
        } } },
      },
      ['codeAction/resolve'] = function(action, callback)
        if action.title == 'lost' then callback({ code = -32803, message = 'gone' }) else callback(nil, action) end
      end,
    })
  ]])
  attached(child, 1)
  local result = query(child, { kind = 'quickFixes', line = 0 })
  local shown = vim.tbl_map(function(item) return { item.title, item.refused or (item.edit and 'edit') } end, result.items)
  equal({
    { 'plain', 'it would run the command `do.it` in the editor' },
    { 'action', 'it would run the command `do.that` in the editor' },
    { 'lost', 'fixes gave no edit for it' },
    { 'both', 'edit' },
  }, shown)
  local changes = result.items[4].edit.documentChanges
  equal({ 'x', '$0', 'create' }, { changes[1].edits[1].newText, changes[2].edits[1].snippet.value, changes[3].kind })
end)
