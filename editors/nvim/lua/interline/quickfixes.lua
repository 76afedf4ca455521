-- The quick fixes that other servers offer for a line, as edits. Must not run commands of theirs nor apply anything.

local positions = require('interline.positions')
local query = require('interline.query')

local M = {}

---@class interline.QuickFix
---@field title string
---@field isPreferred boolean
---@field edit? lsp.WorkspaceEdit
---@field refused? string why there is no edit

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

---What becomes of an offer: an edit, or why there is none.
---@param client vim.lsp.Client
---@param action lsp.CodeAction
---@return interline.QuickFix
local function offer(client, action)
  local fix = { title = action.title, isPreferred = action.isPreferred == true } ---@type interline.QuickFix
  local command = type(action.command) == 'table' and action.command.command or action.command
  if action.edit then
    fix.edit = positions.workspace_edit(client, action.edit)
  elseif command then
    fix.refused = ('it would run the command `%s` in the editor'):format(command)
  else
    fix.refused = client.name .. ' gave no edit for it'
  end
  return fix
end

---@param client vim.lsp.Client
---@param action lsp.CodeAction
---@param bufnr integer?
---@param timeout_ms integer
---@param done fun(fix: interline.QuickFix)
local function resolve(client, action, bufnr, timeout_ms, done)
  -- A plain command has a string there, and can't be resolved.
  local resolvable = type(action.command) ~= 'string' and client:supports_method('codeAction/resolve')
  if action.edit or not resolvable then
    return done(offer(client, action))
  end
  query.ask({ client }, 'codeAction/resolve', action, bufnr, timeout_ms, function(answers)
    done(offer(client, answers[1] and answers[1].result or action))
  end)
end

---@param answers interline.Answers
---@return { client: vim.lsp.Client, action: lsp.CodeAction }[]
local function usable(answers)
  local found = {}
  for _, answer in ipairs(answers) do
    for _, action in ipairs(answer.result) do
      -- One that the server says is disabled is no offer.
      if not action.disabled and vim.startswith(action.kind or 'quickfix', 'quickfix') then
        found[#found + 1] = { client = answer.client, action = action }
      end
    end
  end
  return found
end

---@param params interline.QueryParams
---@param clients_for interline.ClientsFor
---@param done interline.Answer
function M.of_line(params, clients_for, done)
  local started = vim.uv.now()
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
    local rest = math.max(params.timeoutMs - (vim.uv.now() - started), 0)
    for index, one in ipairs(found) do
      resolve(one.client, one.action, bufnr, rest, function(fix)
        resolved[index] = fix
        left = left - 1
        if left == 0 then
          done(resolved, answers, complete)
        end
      end)
    end
  end)
end

return M
