-- `:checkhealth interline`: what works here, and what to do about what doesn't. Must not change anything.

local M = {}

local function check_neovim()
  if vim.fn.has('nvim-0.11') == 1 then
    vim.health.ok('Neovim ' .. tostring(vim.version()))
  else
    vim.health.error('Neovim 0.11 or newer is needed, this is ' .. tostring(vim.version()))
  end
end

local function check_config()
  local config = require('interline.config')
  local problems = config.problems(config.global())
  for _, problem in ipairs(problems) do
    vim.health.error('vim.g.interline: ' .. problem)
  end
  if #problems == 0 then
    vim.health.ok('the settings are valid')
  end
  for _, switch in ipairs({ 'enabled', 'hunks', 'progress', 'focus', 'diagnostics' }) do
    if not config.is_on(switch) then
      vim.health.info(('switched off: vim.g.interline_%s is false'):format(switch))
    end
  end
end

---@return string[]?
local function check_binary()
  local command, where = require('interline.server').command()
  if not command then
    vim.health.error(where)
    return nil
  end
  vim.health.ok(('server: %s (from %s)'):format(table.concat(command, ' '), where))
  local ok, result = pcall(function()
    return vim.system({ command[1], '--version' }, { text = true, timeout = 3000 }):wait()
  end)
  if ok and result.code == 0 then
    vim.health.ok('version: ' .. vim.trim(result.stdout))
  else
    local why = ok and (result.stderr or '') or tostring(result)
    vim.health.error(('`%s --version` failed: %s'):format(command[1], vim.trim(why)))
  end
  return command
end

---What the binary itself says about models, sandbox and state.
---@param command string[]
local function check_doctor(command)
  local ok, result = pcall(function()
    return vim.system({ command[1], 'doctor' }, { text = true, timeout = 10000, cwd = vim.fn.getcwd() }):wait()
  end)
  if not ok then
    return vim.health.warn('`interline doctor` did not run: ' .. tostring(result))
  end
  local said = vim.trim((result.stdout or '') .. (result.code ~= 0 and (result.stderr or '') or ''))
  for line in vim.gsplit(said, '\n') do
    if vim.trim(line) ~= '' then
      vim.health.info(line)
    end
  end
end

local function check_clients()
  local clients = vim.lsp.get_clients({ name = 'interline' })
  if #clients == 0 then
    return vim.health.info("the server is not running; it starts with vim.lsp.enable('interline') or :Interline")
  end
  for _, client in ipairs(clients) do
    local version = vim.tbl_get(client, 'server_info', 'version') or 'of unknown version'
    local buffers = vim.tbl_count(client.attached_buffers)
    vim.health.ok(('running: client %d, %s, %d buffers, root %s'):format(client.id, version, buffers, client.root_dir or 'none'))
  end
  local others = vim.iter(vim.lsp.get_clients()):filter(function(client)
    return client.name ~= 'interline'
  end)
  local names = others:map(function(client)
    return client.name
  end):totable()
  if #names > 0 then
    vim.health.ok('other servers that the agent may ask: ' .. table.concat(names, ', '))
  else
    vim.health.info("no other language server runs; the agent then relies on the project's own checker")
  end
end

function M.check()
  vim.health.start('interline')
  check_neovim()
  check_config()
  local command = check_binary()
  if command then
    vim.health.start('interline: server')
    check_doctor(command)
  end
  vim.health.start('interline: running')
  check_clients()
end

return M
