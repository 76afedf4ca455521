-- A Neovim under test: a real process of its own, driven over its RPC channel like a user with a keyboard.
-- Must leave nothing behind: every child has its own folder for state, and ends with its test.

local Child = {}
Child.__index = Child

local Model = require('model')

local nvim = assert(vim.env.INTERLINE_NVIM, 'tests/nvim/run sets INTERLINE_NVIM')
local root = assert(vim.env.INTERLINE_ROOT, 'tests/nvim/run sets INTERLINE_ROOT')

---@class ChildOptions
---@field plugin? boolean false: no plugin of ours, as in any editor
---@field fixture? string a folder of tests/nvim/fixtures, copied
---@field env? table<string, string>
---@field config? string text of the server's config.toml
---@field script? table a script for the scripted model server (tests/model), which then is the model

---@param options? ChildOptions
function Child.start(options)
  options = options or {}
  local self = setmetatable({ dir = vim.fn.tempname(), root = root }, Child)
  self.work = self.dir .. '/work'
  vim.fn.mkdir(self.work, 'p')
  vim.fn.mkdir(self.dir .. '/home/config', 'p')
  if options.fixture then
    vim.fn.system({ 'cp', '-R', ('%s/tests/nvim/fixtures/%s/.'):format(root, options.fixture), self.work })
  end
  if options.config then
    vim.fn.writefile(vim.split(options.config, '\n'), self.dir .. '/home/config/config.toml')
  end
  if options.script then
    self.model = Model.start(self.dir, options.script)
    options.env = vim.tbl_extend('force', { ANTHROPIC_API_KEY = 'test', ANTHROPIC_BASE_URL = self.model.url }, options.env or {})
  end
  local env = vim.tbl_extend('force', {
    INTERLINE_HOME = self.dir .. '/home',
    XDG_CONFIG_HOME = self.dir .. '/xdg/config',
    XDG_STATE_HOME = self.dir .. '/xdg/state',
    XDG_DATA_HOME = self.dir .. '/xdg/data',
    NVIM_LOG_FILE = self.dir .. '/nvim.log',
    CARGO_TARGET_DIR = self.dir .. '/target',
    CARGO_NET_OFFLINE = 'true',
    ANTHROPIC_API_KEY = '',
    OPENAI_API_KEY = '',
  }, options.env or {})
  local command = { nvim, '--clean', '--embed', '--headless', '-n', '--cmd', 'set hidden noswapfile columns=100 lines=30' }
  if options.plugin ~= false then
    vim.list_extend(command, { '--cmd', 'set rtp^=' .. vim.fn.fnameescape(root .. '/editors/nvim') })
  end
  self.channel = vim.fn.jobstart(command, { rpc = true, env = env, cwd = self.work })
  assert(self.channel > 0, 'Neovim did not start')
  vim.rpcrequest(self.channel, 'nvim_ui_attach', 100, 30, {})
  self:lua([[
    _G.binary = ...
    _G.notes, _G.users = {}, {}
    vim.notify = function(message) table.insert(_G.notes, message) end
    vim.api.nvim_create_autocmd('User', { pattern = 'Interline*', callback = function(event)
      table.insert(_G.users, { name = event.match, data = event.data })
    end })
    if _G.binary then vim.g.interline = { cmd = { _G.binary, 'lsp' } } end
  ]], vim.env.INTERLINE_BIN)
  return self
end

---Runs Lua in the child and gives back what it returns.
function Child:lua(code, ...)
  return vim.rpcrequest(self.channel, 'nvim_exec_lua', code, { ... })
end

---Types keys, as a user does. Returns before they are handled.
function Child:type(keys)
  vim.rpcrequest(self.channel, 'nvim_input', keys)
  return self
end

---Types keys and waits until they are handled.
function Child:keys(keys)
  self:type(keys)
  -- A second request is answered after the input before it.
  vim.wait(30, function() return false end)
  self:lua('return 1')
  return self
end

function Child:cmd(command)
  return vim.rpcrequest(self.channel, 'nvim_command', command)
end

---Waits until Lua in the child gives something true, and gives that back.
function Child:wait(code, timeout, what)
  local value
  local ok = vim.wait(timeout or 5000, function()
    value = self:lua(code)
    return value ~= nil and value ~= vim.NIL and value ~= false
  end, 20)
  if not ok then
    error(('waited in vain for %s\nlast: %s\nnotes: %s\nusers: %s'):format(
      what or code,
      vim.inspect(value),
      vim.inspect(self:lua('return notes')),
      vim.inspect(self:lua('return vim.tbl_map(function(u) return u.name end, users)'))
    ), 2)
  end
  return value
end

function Child:open(path)
  self:cmd('edit ' .. vim.fn.fnameescape(self.work .. '/' .. path))
end

---@return string[]
function Child:lines()
  return self:lua('return vim.api.nvim_buf_get_lines(0, 0, -1, false)')
end

---@return string
function Child:text()
  return table.concat(self:lines(), '\n')
end

---What the plugin has drawn: { row, new = lines, verdicts = texts, sign = text, deleted = rows }.
function Child:drawn()
  return self:lua([[
    local found = { new = {}, verdicts = {}, signs = {}, deleted = {}, hints = {} }
    local ns = vim.api.nvim_get_namespaces()['interline.hunks']
    for _, mark in ipairs(ns and vim.api.nvim_buf_get_extmarks(0, ns, 0, -1, { details = true }) or {}) do
      local row, details, verdict = mark[2], mark[4], {}
      for _, line in ipairs(details.virt_lines or {}) do
        local text = ''
        for _, chunk in ipairs(line) do text = text .. chunk[1] end
        if vim.startswith(tostring(line[1] and line[1][2]), 'InterlineVerdict') then
          table.insert(verdict, vim.trim(text))
        else
          table.insert(found.new, { row, (text:gsub('%s+$', '')) })
        end
      end
      -- A long one takes several lines.
      if #verdict > 0 then table.insert(found.verdicts, table.concat(verdict, ' ')) end
      if details.sign_text then table.insert(found.signs, { row, vim.trim(details.sign_text) }) end
      if details.hl_group then table.insert(found.deleted, { row, details.end_row }) end
      if details.virt_text then table.insert(found.hints, vim.trim(details.virt_text[1][1])) end
    end
    return found
  ]])
end

function Child:stop()
  pcall(vim.rpcnotify, self.channel, 'nvim_command', 'qa!')
  if vim.fn.jobwait({ self.channel }, 3000)[1] == -1 then
    vim.fn.jobstop(self.channel)
  end
  local complaint = self.model and self.model:stop()
  vim.fn.delete(self.dir, 'rf')
  return complaint
end

return Child
