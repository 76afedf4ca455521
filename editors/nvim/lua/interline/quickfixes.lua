-- The quick fixes that other servers offer for a line, as edits. Must not run commands of theirs nor apply anything.

local positions = require('interline.positions')
local query = require('interline.query')

local M = {}

---The client's own diagnostics on a line, as it sent them.
---@param client vim.lsp.Client
---@param bufnr integer
---@param line integer
---@return lsp.Diagnostic[]
local function own_diagnostics(client, bufnr, line)
  local result = {}
  for _, diagnostic in ipairs(vim.diagnostic.get(bufnr)) do
    local last = diagnostic.end_lnum or diagnostic.lnum
    if diagnostic.lnum <= line and line <= last and query.is_of(client, diagnostic.namespace) then
      result[#result + 1] = vim.tbl_get(diagnostic, 'user_data', 'lsp')
    end
  end
  return result
end

---@param client vim.lsp.Client
---@param action lsp.CodeAction
---@param bufnr integer?
---@param timeout_ms integer
---@param done fun(action: lsp.CodeAction?)
local function resolve(client, action, bufnr, timeout_ms, done)
  if action.edit or not client:supports_method('codeAction/resolve') then
    return done(action.edit and action or nil)
  end
  query.ask({ client }, 'codeAction/resolve', action, bufnr, timeout_ms, function(answers)
    local resolved = answers[1] and answers[1].result
    done(resolved and resolved.edit and resolved or nil)
  end)
end

---@param answers { client: vim.lsp.Client, result: lsp.CodeAction[] }[]
---@return { client: vim.lsp.Client, action: lsp.CodeAction }[]
local function usable(answers)
  local found = {}
  for _, answer in ipairs(answers) do
    for _, action in ipairs(answer.result) do
      -- A plain command has a string there; one that the server says is disabled is no offer.
      if type(action.command) ~= 'string' and not action.disabled and vim.startswith(action.kind or 'quickfix', 'quickfix') then
        found[#found + 1] = { client = answer.client, action = action }
      end
    end
  end
  return found
end

---@param params interline.QueryParams
---@param clients_for fun(uri: string, method: string): vim.lsp.Client[], integer?
---@param done interline.Answer
function M.of_line(params, clients_for, done)
  local clients, bufnr = clients_for(params.uri, 'textDocument/codeAction')
  local function parameters(client)
    local text = bufnr and vim.api.nvim_buf_get_lines(bufnr, params.line, params.line + 1, false)[1] or ''
    return {
      textDocument = { uri = params.uri },
      range = {
        start = { line = params.line, character = 0 },
        ['end'] = { line = params.line, character = vim.str_utfindex(text, client.offset_encoding) },
      },
      context = {
        diagnostics = bufnr and own_diagnostics(client, bufnr, params.line) or {},
        only = { 'quickfix' },
        triggerKind = 1,
      },
    }
  end
  query.ask(clients, 'textDocument/codeAction', parameters, bufnr, params.timeoutMs, function(answers, complete)
    local found = usable(answers)
    local resolved, left = {}, #found
    if left == 0 then
      return done({}, answers, complete)
    end
    for index, offer in ipairs(found) do
      resolve(offer.client, offer.action, bufnr, params.timeoutMs, function(action)
        resolved[index] = action
          and {
            title = action.title,
            isPreferred = action.isPreferred == true,
            edit = positions.workspace_edit(offer.client, action.edit),
          }
        left = left - 1
        if left == 0 then
          local items = {}
          for place = 1, #found do
            items[#items + 1] = resolved[place] or nil
          end
          done(items, answers, complete)
        end
      end)
    end
  end)
end

return M
