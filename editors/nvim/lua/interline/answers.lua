-- Keeps the shown transcript as the server has it: fetched anew when its session has said something.
-- Must not fetch what nobody looks at, and never twice at once.

local config = require('interline.config')
local transcript = require('interline.transcript')
local debounce = require('interline.debounce')

local M = {}

---@class interline.Shown
---@field session? string
---@field bufnr integer
---@field client_id integer

---@type interline.Shown?
local shown
local fetching, again = false, false

local function fetch()
  local client = shown and vim.lsp.get_client_by_id(shown.client_id)
  if not (shown and client) then
    return
  end
  if fetching then
    again = true
    return
  end
  fetching = true
  local target = shown
  client:request('workspace/executeCommand', {
    command = 'interline.transcript',
    arguments = { target.session and { session = target.session } or vim.empty_dict() },
  }, function(err, result)
    fetching = false
    if not err and result and result.text and vim.api.nvim_buf_is_valid(target.bufnr) then
      transcript.set(target.bufnr, result.text)
    end
    if again then
      again = false
      M.later()
    end
  end)
end

M.later = debounce(80, fetch)

---Opens the transcript of a session beside the code.
---@param client vim.lsp.Client
---@param session? string nil: the current one
---@param focus? boolean
function M.open(client, session, focus)
  local bufnr = transcript.buffer('transcript')
  shown = { session = session, bufnr = bufnr, client_id = client.id }
  transcript.show(bufnr, focus)
  fetch()
end

---Opens it after a question, where the settings say so.
---@param client vim.lsp.Client
---@param session? string
function M.after_question(client, session)
  if config.get().answers.open then
    M.open(client, session, false)
  end
end

---A session has said something.
---@param session string
function M.touched(session)
  if shown and (not shown.session or shown.session == session) and #vim.fn.win_findbuf(shown.bufnr) > 0 then
    M.later()
  end
end

return M
