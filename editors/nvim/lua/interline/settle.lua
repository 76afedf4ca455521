-- When do the other servers' diagnostics belong to the text as it is now? Must answer "not settled" rather than guess.

local M = {}

---Quiet after the last report, in milliseconds.
local QUIET = 300
---The longest wait for a server that has reported before, and for one that hasn't yet.
local WARM, COLD = 2000, 10000

---Asks the servers that answer for a text, and keeps what they say as the editor would: of the text as it is now, whatever
---they have reported before.
---@param bufnr integer
---@return { left: integer, clients: table<integer, true> } state changes as answers come
local function pull(bufnr)
  local method = 'textDocument/diagnostic'
  local clients = require('interline.query').others(bufnr, method)
  local state = { left = #clients, clients = {} }
  for _, client in ipairs(clients) do
    state.clients[client.id] = true
    local params = {
      textDocument = { uri = vim.uri_from_bufnr(bufnr) },
      identifier = vim.tbl_get(client.server_capabilities, 'diagnosticProvider', 'identifier'),
    }
    local tries = 0
    local function ask()
      tries = tries + 1
      local sent = client:request(method, params, function(err, result, ctx)
        if not err then
          state.left = state.left - 1
          vim.lsp.diagnostic.on_diagnostic(err, result, ctx)
        elseif tries < 20 then
          vim.defer_fn(ask, 100) -- it was busy with a change
        end
      end, bufnr)
      if not sent then
        state.left, state.clients[client.id] = state.left - 1, nil
      end
    end
    ask()
  end
  return state
end

---Are there others than these who report by themselves?
---@param bufnr integer
---@param pulled table<integer, true>
---@return boolean
local function has_others(bufnr, pulled)
  return vim.iter(vim.lsp.get_clients({ bufnr = bufnr })):any(function(client)
    return client.name ~= 'interline' and not pulled[client.id]
  end)
end

---Waits until the diagnostics of a buffer follow its last change and nothing more has come for a while.
---@param bufnr integer
---@param timeout_ms integer
---@param done fun(settled: boolean)
function M.wait(bufnr, timeout_ms, done)
  local attach = require('interline.attach')
  local query = require('interline.query')
  local started = vim.uv.now()
  local pulled = vim.api.nvim_buf_is_loaded(bufnr) and pull(bufnr) or { left = 0, clients = {} }
  local only_pulled = next(pulled.clients) ~= nil and not has_others(bufnr, pulled.clients)
  local function look()
    if not vim.api.nvim_buf_is_loaded(bufnr) then
      return done(false)
    end
    local now, times = vim.uv.now(), attach.times(bufnr)
    local diagnosed = times.diagnosed
    if only_pulled and pulled.left == 0 then
      return done(true)
    end
    if pulled.left == 0 and diagnosed and diagnosed >= times.changed and now - math.max(diagnosed, times.changed) >= QUIET then
      return done(true)
    end
    if not diagnosed and #query.reporters(bufnr) == 0 then
      return done(true) -- nobody is there who could report
    end
    if now - started >= math.min(timeout_ms, diagnosed and WARM or COLD) then
      return done(false)
    end
    vim.defer_fn(look, 25)
  end
  look()
end

---Waits for every open buffer that the server watches.
---@param timeout_ms integer
---@param is_asked fun(bufnr: integer): boolean
---@param done fun(settled: boolean)
function M.wait_all(timeout_ms, is_asked, done)
  local buffers = vim.tbl_filter(is_asked, require('interline.attach').buffers())
  local left, settled = #buffers, true
  if left == 0 then
    return done(true)
  end
  for _, bufnr in ipairs(buffers) do
    M.wait(bufnr, timeout_ms, function(quiet)
      settled = settled and quiet
      left = left - 1
      if left == 0 then
        done(settled)
      end
    end)
  end
end

return M
