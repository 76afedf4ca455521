-- Takes `interline/event` apart and hands each part to the module that shows it; raises the `User` autocommands.
-- Must not keep state: turns.lua and hunks.lua do.

local hunks = require('interline.hunks')
local turns = require('interline.turns')
local say = require('interline.say')

local M = {}

---@param pattern string
---@param data table
local function raise(pattern, data)
  vim.api.nvim_exec_autocmds('User', { pattern = pattern, modeline = false, data = data })
end

-- Every event but a notice belongs to a session.
---@type table<string, fun(event: interline.Event, session: string, client_id: integer)>
local on = {}

function on.turnStarted(event, session, client_id)
  turns.started(session, client_id, event.turn, event.title)
  raise('InterlineTurnStarted', { session = session, turn = event.turn, title = event.title })
end

function on.text(_, session)
  turns.talked(session)
end

function on.activity(event, session)
  turns.activity(session, event.text)
end

function on.callStarted(event, session)
  turns.activity(session, event.title)
end

function on.callEnded(_, session)
  turns.talked(session)
end

function on.hunksChanged(event, _, client_id)
  hunks.changed(event.documents, client_id)
end

function on.checked(event, session)
  turns.checked(session, event.summary, event.newErrors > 0)
end

---Why stands in the transcript.
function on.notChecked(_, session)
  turns.not_checked(session)
end

function on.spent(event, session)
  turns.spent(session, event.usage, event.sessionCostUsd)
end

function on.notice(event)
  say.brief(event.text, event.warning and vim.log.levels.WARN or vim.log.levels.INFO)
end

function on.question(event)
  say.notify('asks: ' .. say.visible(event.text, true) .. '\n(:Interline ask answers)')
end

function on.configured(event, session)
  turns.configured(session, event.model, event.mode)
end

function on.turnEnded(event, session)
  require('interline.permission').turn_ended(session)
  turns.ended(session, event.outcome, event.message)
  raise('InterlineTurnEnded', {
    session = session,
    turn = event.turn,
    outcome = event.outcome,
    message = event.message,
    hunks = hunks.count(),
  })
end

---@param params interline.EventParams
---@param client_id integer
function M.on_event(params, client_id)
  local handler = on[params.event.type]
  if handler and (params.session or handler == on.notice) then
    handler(params.event, params.session or '', client_id)
  end
end

return M
