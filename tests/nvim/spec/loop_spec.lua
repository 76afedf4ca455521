-- The diagnostics loop with a server that we did not write: what an edit breaks is in the next request, and only that.

local analyzer = [[
  vim.lsp.config('rust_analyzer', {
    cmd = { ... },
    filetypes = { 'rust' },
    root_markers = { 'Cargo.toml' },
    settings = { ['rust-analyzer'] = { cargo = { buildScripts = { enable = false } }, procMacro = { enable = false } } },
  })
  vim.lsp.enable('rust_analyzer')
]]

local function open(child)
  child:lua(analyzer, vim.env.INTERLINE_ANALYZER)
  child:lua([[vim.lsp.enable('interline')]])
  child:open('src/main.rs')
  child:wait([[local c = vim.lsp.get_clients({ name = 'interline', bufnr = 0 })[1] return c and c.initialized]])
  -- The fixture has two errors of its own; that both are there says that the server has looked at all of it.
  child:wait([[return #vim.diagnostic.get(0, { severity = 1 }) >= 2]], 60000, 'rust-analyzer')
end

local function wait_end(child)
  local data = child:wait([[
    for _, user in ipairs(users) do
      if user.name == 'InterlineTurnEnded' then return user.data end
    end
  ]], 60000, 'the end of the turn')
  equal('done', data.outcome, vim.inspect(data))
end

local function edit(old, new)
  return { tool = 'edit', input = { path = 'src/main.rs', edits = { { old = old, new = new } } } }
end

---The bodies of the requests so far.
local function requests(child)
  local bodies = {}
  for _, event in ipairs(child.model:events()) do
    if event.event == 'request' then
      bodies[#bodies + 1] = event.body
    end
  end
  return bodies
end

---The last text block of a request: what the harness adds after the results.
local function told(body)
  local last = body.messages[#body.messages].content
  local texts = {}
  for _, block in ipairs(type(last) == 'table' and last or {}) do
    if block.type == 'text' then
      texts[#texts + 1] = block.text
    end
  end
  local said = table.concat(texts, '\n')
  return said:match('<diagnostics after="your edits">.-</diagnostics>') or said
end

test('an edit that makes an error is answered with exactly that diagnostic in the next request', {
  fixture = 'broken',
  config = 'mode = "accept-edits"',
  script = { steps = {
    { calls = { edit('Greeting { to: to.to_owned(), times }', 'Greeting { to: 5u8, times }') } },
    { calls = { edit('Greeting { to: 5u8, times }', 'Greeting { to: to.to_owned(), times }') } },
    { say = 'It is as it was.' },
  } },
}, function(child)
  open(child)
  child:cmd('Interline ask break it in @src/main.rs')
  wait_end(child)
  local bodies = requests(child)
  equal(3, #bodies)

  local second = told(bodies[2])
  contains('<diagnostics after="your edits">', second)
  contains('1 new error (E0308), no new warnings', second)
  contains('checked by rust_analyzer', second)
  local row = 20
  local lines = vim.iter(vim.split(second, '\n')):filter(function(line) return line:find('error[', 1, true) end):totable()
  equal(1, #lines, 'exactly that one: ' .. second)
  contains(('src/main.rs:%d:20: error[E0308]: expected String, found u8'):format(row), lines[1])

  local third = told(bodies[3])
  contains('clears nothing', (third:gsub('clears no problems', 'clears nothing')))
  contains('no new problems', third)
  equal(nil, third:find('error[', 1, true), third)
  contains('to.to_owned()', child:text())
end)

test('what lands in a file whose server is gone is not called checked', {
  fixture = 'broken',
  config = 'mode = "accept-edits"',
  script = { steps = {
    { calls = { edit('Greeting { to: to.to_owned(), times }', 'Greeting { to: 5u8, times }') } },
    { say = 'Done.' },
  } },
}, function(child)
  open(child)
  child:lua([[
    local client = vim.lsp.get_clients({ name = 'rust_analyzer' })[1]
    vim.lsp.enable('rust_analyzer', false)
    client:stop(true)
  ]])
  child:wait([[return #vim.lsp.get_clients({ name = 'rust_analyzer' }) == 0]], 10000)
  child:cmd('Interline ask break it in @src/main.rs')
  wait_end(child)
  equal(nil, told(requests(child)[2]):find('no new problems', 1, true))
  local log = table.concat(vim.fn.readfile(vim.fn.glob(child.dir .. '/home/state/sessions/*/events*')), '\n')
  contains('"verdict":null,"reason":"the folder is not trusted', log)
end)
