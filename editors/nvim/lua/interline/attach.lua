-- What happens while the server is attached to a buffer: it is told where the user is and what other servers report.
-- Must not answer requests (query.lua does) and must not draw.

local config = require('interline.config')
local query = require('interline.query')
local debounce = require('interline.debounce')
local say = require('interline.say')

local M = {}

---@class interline.BufferTimes
---@field changed integer when the text last changed, in ms of the loop's clock
---@field diagnosed integer? when another server last reported diagnostics
---@field version integer? the version of the text that this report followed
---@field own integer? how many diagnostics of ours there were when somebody last reported

---@type table<integer, interline.BufferTimes>
local times = {}

---@param bufnr integer
---@return interline.BufferTimes
function M.times(bufnr)
  times[bufnr] = times[bufnr] or { changed = vim.uv.now() }
  return times[bufnr]
end

---Nobody asks about this buffer any more.
---@param bufnr integer
function M.forget(bufnr)
  times[bufnr] = nil
end

---The buffers that the server watches.
---@return integer[]
function M.buffers()
  return vim.tbl_keys(times)
end

---@param bufnr integer
---@return integer
function M.version(bufnr)
  return vim.lsp.util.buf_versions[bufnr] or vim.api.nvim_buf_get_changedtick(bufnr)
end

---@param bufnr integer
---@return vim.lsp.Client?
local function client_of(bufnr)
  return vim.lsp.get_clients({ name = 'interline', bufnr = bufnr })[1]
end

---@param bufnr integer
local function send_diagnostics(bufnr)
  local client = vim.api.nvim_buf_is_loaded(bufnr) and client_of(bufnr)
  if client and config.is_on('diagnostics', bufnr) then
    client:notify('interline/didChangeDiagnostics', {
      uri = vim.uri_from_bufnr(bufnr),
      version = M.version(bufnr),
      diagnostics = query.diagnostics(bufnr),
    })
  end
end

---The selections of the current window as ranges; without a selection an empty range at the cursor.
---@param bufnr integer
---@return lsp.Range[]
local function selections(bufnr)
  local mode = vim.fn.mode()
  if not mode:match('^[vV\22]') then
    local cursor = vim.api.nvim_win_get_cursor(0)
    local position = query.position(bufnr, cursor[1] - 1, cursor[2])
    return { { start = position, ['end'] = position } }
  end
  local ranges = {}
  for _, region in ipairs(vim.fn.getregionpos(vim.fn.getpos('v'), vim.fn.getpos('.'), { type = mode, eol = false })) do
    local from, to = region[1], region[2]
    ranges[#ranges + 1] = {
      start = query.position(bufnr, from[2] - 1, math.max(from[3] - 1, 0)),
      ['end'] = query.position(bufnr, to[2] - 1, to[3]),
    }
  end
  -- A block of many lines says no more than its ends.
  return #ranges <= 1 and ranges or { { start = ranges[1].start, ['end'] = ranges[#ranges]['end'] } }
end

local function send_focus()
  local bufnr = vim.api.nvim_get_current_buf()
  local client = client_of(bufnr)
  if client and config.is_on('focus', bufnr) then
    client:notify('interline/didChangeFocus', {
      uri = vim.uri_from_bufnr(bufnr),
      selections = selections(bufnr),
      visibleRanges = {
        {
          start = { line = vim.fn.line('w0') - 1, character = 0 },
          ['end'] = { line = vim.fn.line('w$'), character = 0 },
        },
      },
    })
  end
end

M.focus_changed = debounce(120, send_focus)

---@type table<integer, true>
local pending = {}
local flush = debounce(40, function()
  local buffers = pending
  pending = {}
  for bufnr in pairs(buffers) do
    send_diagnostics(bufnr)
  end
end)

---@param event vim.api.keyset.create_autocmd.callback_args
local function on_diagnostics(event)
  local bufnr = event.buf
  if not times[bufnr] then
    return
  end
  local reported = vim.tbl_get(event, 'data', 'diagnostics') or {}
  -- An empty report does not say whose it is: ours are gone by it, or somebody else's.
  local own = #vim.iter(vim.diagnostic.get(bufnr)):filter(function(d) return not query.is_foreign(d) end):totable()
  local ours_went = own == 0 and (times[bufnr].own or 0) > 0
  times[bufnr].own = own
  local foreign = #reported == 0 and not ours_went or vim.iter(reported):any(query.is_foreign)
  if foreign then
    times[bufnr].diagnosed = vim.uv.now()
    times[bufnr].version = M.version(bufnr)
    pending[bufnr] = true
    flush()
  end
end

---@param bufnr integer
local function watch(bufnr)
  if times[bufnr] then
    return
  end
  M.times(bufnr)
  vim.api.nvim_buf_attach(bufnr, false, {
    on_lines = function()
      if not times[bufnr] then
        return true
      end
      M.times(bufnr).changed = vim.uv.now()
    end,
    on_detach = function()
      times[bufnr] = nil
    end,
  })
end

---@param client vim.lsp.Client
---@param bufnr integer
function M.on_attach(client, bufnr)
  local group = vim.api.nvim_create_augroup('interline.attach', { clear = false })
  if vim.tbl_isempty(times) then
    vim.api.nvim_clear_autocmds({ group = group })
    vim.api.nvim_create_autocmd('DiagnosticChanged', { group = group, callback = on_diagnostics })
    vim.api.nvim_create_autocmd(
      { 'CursorMoved', 'CursorMovedI', 'ModeChanged', 'WinScrolled', 'BufEnter' },
      { group = group, callback = M.focus_changed }
    )
  end
  watch(bufnr)
  -- The server's own hints about hunks are for editors without this plugin: here the hunks are drawn.
  local quiet = { virtual_text = false, virtual_lines = false, signs = false, underline = false }
  vim.diagnostic.config(quiet, vim.lsp.diagnostic.get_namespace(client.id))
  require('interline.hunks').refresh(client, bufnr)
  M.focus_changed()
  if #query.diagnostics(bufnr) > 0 then
    pending[bufnr] = true
    flush()
  end
  vim.api.nvim_exec_autocmds('User', {
    pattern = 'InterlineAttached',
    modeline = false,
    data = { client_id = client.id, buf = bufnr },
  })
end

---@param code integer
---@param signal integer
---@param client_id integer
function M.on_exit(code, signal, client_id)
  require('interline.turns').forget(client_id)
  require('interline.hunks').forget(client_id)
  require('interline.permission').forget(client_id)
  if code ~= 0 and signal == 0 then
    say.notify(('the server ended with code %d, see :checkhealth interline'):format(code), vim.log.levels.WARN)
  end
end

return M
