-- Answers the server's `interline/query`: what the editor's *other* language servers know.
-- Each of them is asked by itself and the answers are merged. Our own client is never asked, nothing is applied.

local config = require('interline.config')

local M = {}

---LSP: ContentModified and ServerCancelled. A server that is still reading the project says so; it is asked again.
local LATER = { [-32801] = true, [-32802] = true }
local AGAIN_MS = 200

---@class interline.Answers
---@field [integer] { client: { name: string }, result: any }
---@field failed string[] `NAME: why`, of those that gave none

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

---Asks every one of `clients`; calls `done` once, at the latest after `timeout_ms`: with all answers in the order of the
---clients, and in `failed` with why there is none of the others.
---@param clients vim.lsp.Client[]
---@param method string
---@param params table|fun(client: vim.lsp.Client): table
---@param bufnr integer?
---@param timeout_ms integer
---@param done fun(answers: interline.Answers, complete: boolean)
function M.ask(clients, method, params, bufnr, timeout_ms, done)
  local results, failures = {}, {} ---@type table<integer, any>, table<integer, string>
  local open, over = {}, {} ---@type table<integer, integer>, table<integer, true>
  local waiting, finished = #clients, false
  local function finish()
    if finished then
      return
    end
    finished = true
    for index, id in pairs(open) do
      if not over[index] then
        failures[index] = ('no answer in %d ms'):format(timeout_ms)
        pcall(clients[index].cancel_request, clients[index], id)
      end
    end
    local answers = { failed = {} } ---@type interline.Answers
    for index, client in ipairs(clients) do
      if results[index] ~= nil then
        answers[#answers + 1] = { client = client, result = results[index] }
      elseif failures[index] then
        table.insert(answers.failed, client.name .. ': ' .. failures[index])
      end
    end
    done(answers, next(failures) == nil)
  end
  local function ended(index)
    over[index] = true
    waiting = waiting - 1
    if waiting == 0 then
      finish()
    end
  end
  if waiting == 0 then
    return finish()
  end
  local function send(index)
    local client = clients[index]
    local wanted = type(params) == 'function' and params(client) or params
    local sent, id = client:request(method, wanted, function(err, result)
      if finished then
        return
      end
      if err and LATER[err.code] then
        open[index] = nil
        failures[index] = err.message
        return vim.defer_fn(function()
          if not finished then
            send(index)
          end
        end, AGAIN_MS)
      end
      failures[index] = err and (err.message or tostring(err)) or nil
      if not err and result ~= vim.NIL then
        results[index] = result
      end
      ended(index)
    end, bufnr)
    if sent then
      open[index] = id
    else
      failures[index] = 'it has stopped'
      ended(index)
    end
  end
  for index in ipairs(clients) do
    send(index)
  end
  vim.defer_fn(finish, timeout_ms)
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
---@return interline.Answers
function M.namesakes(list)
  local answers = { failed = {} } ---@type interline.Answers
  for _, name in ipairs(list) do
    answers[#answers + 1] = { client = { name = name } }
  end
  return answers
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
