-- Any LSP editor: the server with no plugin of ours, started by plain `vim.lsp.start`. Only standard LSP is there.

local function begin(child, path)
  child:lua([[
    local binary, root = ...
    _G.select_calls = {}
    vim.ui.select = function(items, opts, choose)
      local titles = vim.tbl_map(function(item) return item.action and item.action.title or item.title end, items)
      table.insert(select_calls, { titles = titles, prompt = opts.prompt, kind = opts.kind })
      for index, item in ipairs(items) do
        if titles[index] == _G.wanted then return choose(item, index) end
      end
      choose(nil)
    end
    vim.cmd.edit(root .. '/' .. select(3, ...))
    vim.lsp.start({ name = 'plain', cmd = { binary, 'lsp' }, root_dir = root })
  ]], vim.env.INTERLINE_BIN, child.work, path)
  child:wait([[local c = vim.lsp.get_clients({ name = 'plain', bufnr = 0 })[1] return c and c.initialized]])
end

---Chooses a code action by its title, as a user does in the menu.
local function act(child, title)
  child:lua([[_G.wanted = ... vim.lsp.buf.code_action()]], title)
end

local function hints(child)
  return child:lua([[
    return vim.tbl_map(function(d) return { d.lnum, d.code, d.severity } end,
      vim.tbl_filter(function(d) return d.source == 'interline' end, vim.diagnostic.get(0)))
  ]])
end

local script = { rules = { {
  when = { last_user_contains = 'louder' },
  steps = {
    { calls = { { tool = 'read', input = { path = 'a.txt' } } } },
    { calls = { { tool = 'edit', input = { path = 'a.txt', edits = { { old = 'two', new = 'TWO' } } } } } },
    { say = 'Louder.' },
  },
} } }

local function write(child, lines)
  vim.fn.writefile(lines, child.work .. '/a.txt')
  begin(child, 'a.txt')
end

test('a comment that starts with interline: is done, reviewed by hint diagnostics and code actions', {
  plugin = false, script = script,
}, function(child)
  write(child, { 'one', 'two', '# interline: make it louder' })
  child:cmd('3')
  act(child, 'Do what this comment says')
  child:wait([[return #vim.tbl_filter(function(d) return d.source == 'interline' end, vim.diagnostic.get(0)) > 0]], 10000)
  equal({ { 1, 'hunk', 4 } }, hints(child))
  child:cmd('2')
  act(child, 'Accept this change')
  child:wait([[return vim.api.nvim_buf_get_lines(0, 1, 2, false)[1] == 'TWO']])
  child:wait([[return #vim.diagnostic.get(0) == 0]])
  child:keys('u')
  equal('two', child:lines()[2])
  equal({ 'one', 'two' }, vim.list_slice(vim.fn.readfile(child.work .. '/a.txt'), 1, 2), 'no file was written')
end)

test('a hunk is rejected by a code action', { plugin = false, script = script }, function(child)
  write(child, { 'one', 'two', '# interline: make it louder' })
  child:cmd('3')
  act(child, 'Do what this comment says')
  child:wait([[return #vim.diagnostic.get(0) > 0]], 10000)
  child:cmd('2')
  act(child, 'Reject this change')
  child:wait([[return #vim.diagnostic.get(0) == 0]])
  equal('two', child:lines()[2])
end)

test('permission is asked by showMessageRequest, Deny first', {
  plugin = false,
  script = { rules = { {
    when = { last_user_contains = 'run' },
    steps = {
      { calls = { { tool = 'shell', input = { command = 'touch made.txt && curl example.invalid' } } } },
      { say = 'Then not.' },
    },
  } } },
}, function(child)
  write(child, { 'one', '# interline: run it' })
  child:cmd('2')
  act(child, 'Do what this comment says')
  child:wait([[return vim.iter(select_calls):any(function(c) return c.kind == 'lsp_message' end)]], 10000)
  local call = child:lua([[return vim.iter(select_calls):find(function(c) return c.kind == 'lsp_message' end)]])
  equal('Deny', call.titles[1])
  contains('curl', call.prompt)
  vim.wait(500)
  equal(0, vim.fn.filereadable(child.work .. '/made.txt'))
end)

test('code actions on a selection and on a diagnostic of another server', { plugin = false, script = script }, function(child)
  write(child, { 'one', 'two', 'three' })
  child:lua([[
    vim.diagnostic.set(vim.api.nvim_create_namespace('other'), 0, { {
      lnum = 1, col = 0, end_col = 3, message = 'too quiet', severity = 1, source = 'other',
      user_data = { lsp = {
        range = { start = { line = 1, character = 0 }, ['end'] = { line = 1, character = 3 } },
        message = 'too quiet', severity = 1, source = 'other',
      } },
    } })
  ]])
  child:cmd('2')
  -- Neovim's menu gives a server only its own diagnostics, so a user without the plugin hands over the others'.
  child:lua([[
    local others = vim.tbl_map(function(d) return d.user_data.lsp end, vim.diagnostic.get(0, { lnum = 1 }))
    vim.lsp.buf.code_action({ context = { diagnostics = others } })
  ]])
  local titles = child:wait('return select_calls[1] and select_calls[1].titles')
  for _, wanted in ipairs({ 'Fix with Interline', 'Explain with Interline', 'Simplify with Interline' }) do
    equal(true, vim.list_contains(titles, wanted), wanted .. ' in ' .. vim.inspect(titles))
  end
  equal(false, vim.list_contains(titles, 'Edit with Interline…'), 'that needs a client which asks for text')
end)
