-- What each session is doing: the running turn, its last activity, what it has spent. Shown in the message line,
-- in the statusline and in an open transcript. Must not talk to the server but to fetch the transcript.

local config = require('interline.config')
local say = require('interline.say')

local M = {}

---@class interline.SessionState
---@field client_id integer
---@field turn? string the running turn
---@field title? string
---@field activity? string
---@field verdict? interline.Verdict on the turn's edits
---@field unchecked? boolean nothing could say what the turn's edits do
---@field model? string
---@field mode? string
---@field cost? number dollars, of the whole session
---@field tokens? number

---@class interline.Verdict
---@field text string
---@field level integer

---@type table<string, interline.SessionState>
local sessions = {}
---@type string?
local latest

---@param session string
---@param client_id? integer
---@return interline.SessionState
local function state_of(session, client_id)
  sessions[session] = sessions[session] or { client_id = client_id or 0 }
  latest = session
  return sessions[session]
end

---@param text string
local function echo(text)
  if config.get().progress.echo and config.is_on('progress') and vim.fn.mode() ~= 'c' then
    say.echo(text)
  end
end

local function changed(session)
  require('interline.status').changed()
  require('interline.answers').touched(session)
end

function M.started(session, client_id, turn, title)
  local state = state_of(session, client_id)
  state.client_id, state.turn, state.title = client_id, turn, title
  state.activity, state.verdict, state.unchecked = nil, nil, nil
  echo(title)
  changed(session)
end

function M.activity(session, text)
  local state = state_of(session)
  state.activity = text
  echo(text)
  changed(session)
end

function M.talked(session)
  changed(session)
end

---Kept until the end of the turn, whose message would cover it.
---@param text string
---@param worse boolean the edits make new errors
function M.checked(session, text, worse)
  state_of(session).verdict = { text = text, level = worse and vim.log.levels.WARN or vim.log.levels.INFO }
end

function M.not_checked(session)
  state_of(session).unchecked = true
end

---@param cost? number dollars, of the whole session
function M.spent(session, usage, cost)
  local state = state_of(session)
  state.cost = cost or state.cost
  state.tokens = usage.input + usage.output + usage.cacheRead + usage.cacheWrite
  require('interline.status').changed()
end

function M.configured(session, model, mode)
  local state = state_of(session)
  state.model, state.mode = model, mode
  require('interline.status').changed()
end

---@param message string?
---@return string
local function first_line(message)
  return message and message ~= vim.NIL and vim.trim(message):match('^[^\n]*') or ''
end

function M.ended(session, outcome, message)
  local hunks = require('interline.hunks')
  local state = state_of(session)
  state.turn, state.activity = nil, nil
  local count = hunks.count()
  if count > 0 and config.get().hunks.quickfix then
    hunks.to_quickfix()
  end
  local said = first_line(message)
  local parts = { outcome }
  if count > 0 then
    parts[#parts + 1] = ('%d change%s to review'):format(count, count == 1 and '' or 's')
  end
  if said ~= '' then
    parts[#parts + 1] = said
  end
  if state.unchecked then
    parts[#parts + 1] = 'not checked'
  end
  local text = table.concat(parts, ' · ')
  if outcome == 'failed' or outcome == 'stopped' then
    say.brief(text, vim.log.levels.WARN)
  elseif state.verdict then
    say.brief(state.verdict.text, state.verdict.level)
  else
    echo(text)
  end
  changed(session)
end

---The session that was heard of last.
---@return string?
---@return interline.SessionState?
function M.latest()
  return latest, latest and sessions[latest]
end

---A session that works now, if one does.
---@return interline.SessionState?
function M.running()
  local state = latest and sessions[latest]
  if state and state.turn then
    return state
  end
  return vim.iter(vim.tbl_values(sessions)):find(function(other)
    return other.turn ~= nil
  end)
end

---@param client_id integer
function M.forget(client_id)
  for session, state in pairs(sessions) do
    if state.client_id == client_id then
      sessions[session] = nil
      latest = latest ~= session and latest or nil
    end
  end
  require('interline.status').changed()
end

return M
