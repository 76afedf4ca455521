-- Answers the server's `interline/query`: what the editor's *other* language servers know.
-- Each of them is asked by itself and the answers are merged. Our own client is never asked, nothing is applied.

local config = require('interline.config')

local M = {}

---The other clients of a buffer that can do `method`.
---@param bufnr? integer nil: of every buffer
---@param method string
---@return vim.lsp.Client[]
function M.others(bufnr, method)
  return vim
    .iter(vim.lsp.get_clients({ bufnr = bufnr }))
    :filter(function(client)
      return client.name ~= 'interline' and client.initialized and client:supports_method(method, bufnr)
    end)
    :totable()
end

---Asks every one of `clients`; calls `done` once with all answers, at the latest after `timeout_ms`.
---@param clients vim.lsp.Client[]
---@param method string
---@param params table|fun(client: vim.lsp.Client): table
---@param bufnr integer?
---@param timeout_ms integer
---@param done fun(answers: { client: vim.lsp.Client, result: any }[], complete: boolean)
function M.ask(clients, method, params, bufnr, timeout_ms, done)
  local answers, waiting, finished = {}, #clients, false
  local open = {} ---@type table<vim.lsp.Client, integer>
  local function finish(complete)
    if finished then
      return
    end
    finished = true
    for client, id in pairs(open) do
      client:cancel_request(id)
    end
    done(answers, complete)
  end
  if waiting == 0 then
    return finish(true)
  end
  for _, client in ipairs(clients) do
    local sent, id
    sent, id = client:request(method, type(params) == 'function' and params(client) or params, function(err, result)
      open[client] = nil
      waiting = waiting - 1
      if not err and result ~= nil and result ~= vim.NIL then
        answers[#answers + 1] = { client = client, result = result }
      end
      if waiting == 0 then
        finish(true)
      end
    end, bufnr)
    if sent then
      open[client] = id
    else
      waiting = waiting - 1
    end
  end
  if waiting == 0 then
    return finish(true)
  end
  vim.defer_fn(function()
    finish(false)
  end, timeout_ms)
end

---Is this one of our own namespaces?
---@param namespace integer
---@return boolean
local function is_own(namespace)
  local found, meta = pcall(vim.diagnostic.get_namespace, namespace)
  return found and meta.name ~= nil and meta.name:find('interline', 1, true) ~= nil
end

---Is this one of the client's namespaces?
---@param client vim.lsp.Client
---@param namespace integer
---@return boolean
function M.is_of(client, namespace)
  local found, meta = pcall(vim.diagnostic.get_namespace, namespace)
  local name = found and meta.name or ''
  return (name .. '.'):find(('lsp.%s.%d.'):format(client.name, client.id), 1, true) ~= nil
end

---Names as the list of answers that `source` is made from.
---@param list string[]
---@return { client: { name: string } }[]
function M.namesakes(list)
  return vim
    .iter(list)
    :map(function(name)
      return { client = { name = name } }
    end)
    :totable()
end

---Who reports diagnostics of a buffer: the other servers attached to it, and whoever else has reported some.
---@param bufnr integer
---@return string[]
function M.reporters(bufnr)
  local seen = {}
  for _, client in ipairs(vim.lsp.get_clients({ bufnr = bufnr })) do
    if client.name ~= 'interline' then
      seen[client.name] = true
    end
  end
  for _, diagnostic in ipairs(vim.diagnostic.get(bufnr)) do
    if not is_own(diagnostic.namespace) and next(seen) == nil then
      seen[diagnostic.source or 'editor'] = true
    end
  end
  return vim.tbl_keys(seen)
end

---Does this diagnostic come from somebody else?
---@param diagnostic vim.Diagnostic
---@return boolean
function M.is_foreign(diagnostic)
  return not is_own(diagnostic.namespace)
end

---Diagnostics of a buffer from everybody but us, as LSP writes them.
---@param bufnr integer
---@return lsp.Diagnostic[]
function M.diagnostics(bufnr)
  local result = {}
  if not config.is_on('diagnostics', bufnr) then
    return result
  end
  for _, diagnostic in ipairs(vim.diagnostic.get(bufnr)) do
    if M.is_foreign(diagnostic) then
      result[#result + 1] = M.to_lsp(bufnr, diagnostic)
    end
  end
  return result
end

---@param bufnr integer
---@param row integer
---@param col integer counted in bytes
---@return lsp.Position
function M.position(bufnr, row, col)
  local line = vim.api.nvim_buf_get_lines(bufnr, row, row + 1, false)[1] or ''
  return { line = row, character = vim.str_utfindex(line, 'utf-16', math.min(col, #line)) }
end

---@param bufnr integer
---@param diagnostic vim.Diagnostic
---@return lsp.Diagnostic
function M.to_lsp(bufnr, diagnostic)
  local original = vim.tbl_get(diagnostic, 'user_data', 'lsp') or {}
  return {
    range = {
      start = M.position(bufnr, diagnostic.lnum, diagnostic.col),
      ['end'] = M.position(bufnr, diagnostic.end_lnum or diagnostic.lnum, diagnostic.end_col or diagnostic.col),
    },
    severity = diagnostic.severity,
    code = diagnostic.code,
    source = diagnostic.source,
    message = diagnostic.message,
    tags = original.tags,
    data = original.data,
    codeDescription = original.codeDescription,
    relatedInformation = original.relatedInformation,
  }
end

return M
