-- `interline/query` answered from a server that we did not write: rust-analyzer.

local fake = dofile(vim.env.INTERLINE_ROOT .. '/tests/nvim/lib/fake.lua')

local function begin(child)
  child:lua(fake)
  child:lua([[
    vim.lsp.config('rust_analyzer', {
      cmd = { ... },
      filetypes = { 'rust' },
      root_markers = { 'Cargo.toml' },
      settings = { ['rust-analyzer'] = { checkOnSave = true, cargo = { buildScripts = { enable = false } }, procMacro = { enable = false } } },
    })
    vim.lsp.enable('rust_analyzer')
  ]], vim.env.INTERLINE_ANALYZER)
  child:open('src/main.rs')
  child:wait([[return #vim.lsp.get_clients({ bufnr = 0 }) == 2]])
  -- It has analysed the project when the compiler's own errors are there too.
  child:wait([[return #vim.diagnostic.get(0, { severity = 1 }) >= 2]], 60000, 'rust-analyzer')
end

local function query(child, params)
  params.uri = params.uri or child:lua('return vim.uri_from_bufnr(0)')
  params.timeoutMs = params.timeoutMs or 5000
  child:lua([[_G.answers = {} ask('interline/query', ...)]], params)
  return child:wait('return answers[1]', 12000)
end

---Asks until there is an answer: rust-analyzer says nothing while it still indexes.
local function answered(child, params)
  local result
  local ok = vim.wait(30000, function()
    result = query(child, params)
    -- An error, where it is too busy for all of that time.
    return result.items and #result.items > 0
  end, 200)
  assert(ok, 'no answer to ' .. params.kind)
  return result
end

---Where a text stands, as an LSP position.
local function at(child, text)
  for row, line in ipairs(child:lines()) do
    local column = line:find(text, 1, true)
    if column then
      return { line = row - 1, character = column - 1 }
    end
  end
  error('not there: ' .. text)
end

test('every kind, from rust-analyzer', { fixture = 'broken' }, function(child)
  begin(child)
  local result
  local settled = vim.wait(30000, function()
    result = query(child, { kind = 'diagnostics' })
    return result.settled
  end, 200)
  assert(settled, 'the diagnostics never settle')
  equal('rust_analyzer', result.source)
  local messages = vim.inspect(result.items[1].diagnostics)
  contains('expected `&str`, found `String`', (messages:gsub('&str, found String', '`&str`, found `String`')))

  result = answered(child, { kind = 'definition', position = at(child, 'greeting(name') })
  equal(at(child, 'greeting(to').line, result.items[1].range.start.line)

  result = answered(child, { kind = 'references', position = at(child, 'greeting(to') })
  equal(2, #result.items)

  result = answered(child, { kind = 'hover', position = at(child, 'greeting(name') })
  contains('fn greeting(to: &str', result.items[1])

  result = answered(child, { kind = 'symbols' })
  local names = vim.tbl_map(function(item) return (item.containerName or '') .. '/' .. item.name end, result.items)
  equal(true, vim.list_contains(names, 'Greeting/times'), vim.inspect(names))

  result = query(child, { kind = 'rename', position = at(child, 'greeting(to'), newName = 'greet' })
  equal(1, #result.items)
  contains('"greet"', vim.inspect(result.items[1]))

  result = query(child, { kind = 'quickFixes', line = at(child, 'greeting(name').line })
  local edits = vim.inspect(vim.tbl_map(function(item) return item.edit end, result.items))
  contains('newText = "&"', edits)

  local symbols = { kind = 'symbols', query = 'Greeting', timeoutMs = 5000 }
  child:lua([[_G.answers = {} ask('interline/query', ...)]], symbols)
  result = child:wait('return answers[1]')
  contains('Greeting', vim.inspect(result.items))
end)

test('diagnostics of a text that just changed are waited for, positions count UTF-16', { fixture = 'broken' }, function(child)
  begin(child)
  child:lua([[
    vim.api.nvim_buf_set_lines(0, -1, -1, false, { 'fn wide() { /* 😀😀 */ let x: u32 = missing_name; }' })
  ]])
  local result = query(child, { kind = 'diagnostics', timeoutMs = 8000 })
  equal(child:lua('return require("interline.attach").version(vim.api.nvim_get_current_buf())'), result.docVersion)
  local hover = answered(child, { kind = 'hover', position = { line = at(child, 'fn wide').line, character = 27 } })
  contains('x', hover.items[1])
  local definition = query(child, { kind = 'references', position = { line = at(child, 'fn wide').line, character = 27 } })
  equal(27, definition.items[1].range.start.character, 'the column behind two emoji, in UTF-16')
end)

test('without another server the answer is empty and settled', {}, function(child)
  child:lua(fake)
  vim.fn.writefile({ 'x' }, child.work .. '/a.txt')
  child:open('a.txt')
  child:wait([[return #vim.lsp.get_clients({ bufnr = 0 }) == 1]])
  local result = query(child, { kind = 'diagnostics' })
  equal({ '', true }, { result.source, result.settled })
  equal({}, query(child, { kind = 'hover', position = { line = 0, character = 0 } }).items)

end)
