-- Finds the binary and describes it to `vim.lsp`; finds the client of a buffer and runs the server's commands.
-- Must not show anything but errors, and must not start a server unless it is asked to.

local config = require('interline.config')
local say = require('interline.say')

local M = {}

M.name = 'interline'

---The folder of this plugin.
---@return string
local function plugin_dir()
  local file = debug.getinfo(1, 'S').source:sub(2)
  return vim.fs.dirname(vim.fs.dirname(vim.fs.dirname(vim.fn.resolve(file))))
end

---The command that starts the server, and where it was found.
---@return string[]? command
---@return string where_or_why
function M.command()
  local given = config.get().cmd
  if given then
    if given[1] and vim.fn.executable(given[1]) == 1 then
      return given, 'the setting `cmd`'
    end
    return nil, ('the setting `cmd` names `%s`, which is not executable'):format(given[1] or '')
  end
  local found = vim.fn.exepath('interline')
  if found ~= '' then
    return { found, 'lsp' }, 'PATH'
  end
  for _, profile in ipairs({ 'release', 'debug' }) do
    local built = vim.fs.normalize(('%s/../../target/%s/interline'):format(plugin_dir(), profile))
    if vim.fn.executable(built) == 1 then
      return { built, 'lsp' }, 'the build in the checkout of this plugin'
    end
  end
  return nil, 'no `interline` on PATH; install it or set `cmd` (see :help interline-install)'
end

---Has the user given `vim.lsp` a command of their own?
---@return boolean
function M.custom()
  ---@diagnostic disable-next-line: undefined-field
  local known = vim.lsp.config.interline ---@type vim.lsp.Config?
  return known ~= nil and (type(known.cmd) == 'function' or vim.fn.executable(known.cmd[1]) == 1)
end

---Why the server has no business with a buffer; nil where it has.
---@param bufnr integer
---@return string?
function M.unfit(bufnr)
  local name = vim.api.nvim_buf_get_name(bufnr)
  if not config.is_on('enabled', bufnr) then
    return 'switched off here: interline_enabled is false'
  elseif vim.bo[bufnr].buftype ~= '' or name:match('^%a[%w+.-]+://') then
    return 'this window shows no file; go to one first'
  elseif name == '' then
    return 'this buffer has no name yet; give it one with :file or :write'
  end
end

---The root of a buffer's project.
---@param bufnr integer
---@param on_dir fun(root?: string)
local function root_dir(bufnr, on_dir)
  if M.unfit(bufnr) then
    return
  end
  local name = vim.api.nvim_buf_get_name(bufnr)
  on_dir(vim.fs.root(bufnr, config.get().root_markers) or vim.fs.dirname(name))
end

---What `lsp/interline.lua` gives to `vim.lsp`.
---@return vim.lsp.Config
function M.lsp_config()
  local settings = config.get()
  return {
    cmd = (M.command()) or { 'interline', 'lsp' },
    filetypes = settings.filetypes,
    root_dir = root_dir,
    init_options = { interline = require('interline.protocol').init_options(settings) },
    settings = next(settings.settings) and { interline = settings.settings } or nil,
    handlers = require('interline.protocol').handlers,
    commands = require('interline.protocol').commands,
    offset_encoding = 'utf-16',
    capabilities = { general = { positionEncodings = { 'utf-16' } } },
    on_attach = function(client, bufnr)
      require('interline.attach').on_attach(client, bufnr)
    end,
    on_exit = function(code, signal, client_id)
      vim.schedule(function()
        require('interline.attach').on_exit(code, signal, client_id)
      end)
    end,
  }
end

---The client that serves a buffer.
---@param bufnr? integer nil or 0: the current one
---@return vim.lsp.Client?
function M.client(bufnr)
  return vim.lsp.get_clients({ name = M.name, bufnr = bufnr or 0 })[1]
end

---Any client: for what belongs to no buffer.
---@return vim.lsp.Client?
function M.any_client()
  return M.client() or vim.lsp.get_clients({ name = M.name })[1]
end

---Calls `use` with the client of a buffer; starts the server first when it isn't there.
---@param bufnr integer
---@param use fun(client: vim.lsp.Client)
function M.with_client(bufnr, use)
  local client = M.client(bufnr)
  if client and client.initialized then
    return use(client)
  end
  local _, problem = M.command()
  local why = M.unfit(bufnr) or (not M.command() and not M.custom() and problem or nil)
  if why then
    return say.notify(why, vim.log.levels.ERROR)
  end
  local waiting = true
  vim.api.nvim_create_autocmd('LspAttach', {
    buffer = bufnr,
    callback = function(event)
      local attached = vim.lsp.get_client_by_id(event.data.client_id)
      if not (attached and attached.name == M.name) then
        return
      end
      waiting = false
      vim.schedule(function()
        use(attached)
      end)
      return true
    end,
  })
  -- Where it is enabled already this looks at all buffers again: this one may have got its name since.
  vim.lsp.enable(M.name)
  vim.defer_fn(function()
    if waiting and not M.client(bufnr) then
      say.notify('the server did not start for this buffer, see :checkhealth interline', vim.log.levels.ERROR)
    end
  end, 5000)
end

---Runs one of the server's commands; every command takes one object.
---@param client vim.lsp.Client
---@param name string without the `interline.` prefix
---@param argument table
---@param done? fun(result: any)
function M.execute(client, name, argument, done)
  local params = { command = 'interline.' .. name, arguments = { next(argument) and argument or vim.empty_dict() } }
  client:request('workspace/executeCommand', params, function(err, result)
    if err then
      return say.brief(err.message or tostring(err), vim.log.levels.ERROR)
    end
    if done then
      done(result)
    end
  end)
end

return M
