-- Asks the user for permission: one prompt at a time, Deny first, nothing approved by a key that was meant for the text.
-- Must not decide anything: every doubt, dismissal and error is a denial.

local config = require('interline.config')
local say = require('interline.say')

local M = {}

---What is asked for is shown up to this many lines.
local MAX_LINES = 16

---@class interline.PermissionChoice
---@field label string
---@field answer any what is sent back
---@field approves boolean

---@class interline.PermissionPrompt
---@field client_id integer
---@field id string
---@field session? string
---@field title string one line
---@field details string[]
---@field danger? boolean an approval is typed as a word, too
---@field options interline.PermissionChoice[] Deny stands first
---@field done fun(answer: any)

---@type interline.PermissionPrompt[]
local queue = {}
---@type interline.PermissionPrompt?
local current
local last_key = 0
local watching = false

-- When did the user last type? A prompt opens only after a pause, so that no key meant for the text answers it.
local function watch_keys()
  if not watching then
    watching = true
    vim.on_key(function()
      last_key = vim.uv.now()
    end, vim.api.nvim_create_namespace('interline.permission'))
  end
end

local function stop_watching()
  watching = false
  vim.on_key(nil, vim.api.nvim_create_namespace('interline.permission'))
end

---May a prompt open now? Not while the user types text, a command or half a mapping.
---@return boolean
local function quiet()
  local mode = vim.api.nvim_get_mode()
  local calm = mode.mode == 'n' or mode.mode == 'nt'
  return calm and not mode.blocking and vim.uv.now() - last_key >= config.get().permission.arming_ms
end

---@param prompt interline.PermissionPrompt
---@return string
local function text_of(prompt)
  local lines = { 'Interline asks: ' .. say.visible(prompt.title) }
  for _, detail in ipairs(prompt.details) do
    lines[#lines + 1] = '  ' .. say.visible(detail)
  end
  return table.concat(lines, '\n')
end

local open

local function next_prompt()
  current = nil
  require('interline.status').changed()
  if #queue > 0 then
    vim.schedule(open)
  else
    stop_watching()
  end
end

---@param prompt interline.PermissionPrompt
---@param choice interline.PermissionChoice?
local function settle(prompt, choice)
  if current ~= prompt then
    return -- taken back meanwhile
  end
  next_prompt()
  prompt.done((choice or prompt.options[1]).answer)
end

---What can destroy something is approved by a word: no key that a hand presses by habit is one.
---@param prompt interline.PermissionPrompt
---@param choice interline.PermissionChoice
local function confirm(prompt, choice)
  local question = ('Interline: this is dangerous. Type yes for "%s", anything else denies: '):format(say.visible(choice.label))
  local ok = pcall(vim.ui.input, { prompt = question }, function(word)
    settle(prompt, word == 'yes' and choice or nil)
  end)
  if not ok then
    settle(prompt, nil)
  end
end

---@param prompt interline.PermissionPrompt
local function show(prompt)
  local shown_at = vim.uv.now()
  local ok = pcall(vim.ui.select, prompt.options, {
    prompt = text_of(prompt),
    kind = 'interline_permission',
    format_item = function(option)
      return say.visible(option.label)
    end,
  }, function(choice)
    local early = vim.uv.now() - shown_at < config.get().permission.arming_ms
    if choice and choice.approves and early then
      -- Nobody reads that fast: the key was meant for something else. Ask again.
      vim.schedule(function()
        if current == prompt then
          show(prompt)
        end
      end)
      return
    end
    if choice and choice.approves and prompt.danger and current == prompt then
      return confirm(prompt, choice)
    end
    settle(prompt, choice)
  end)
  if not ok then
    settle(prompt, nil)
  end
end

-- Opens the next prompt as soon as the user pauses.
function open()
  if current or #queue == 0 then
    return
  end
  if not quiet() then
    vim.defer_fn(open, 50)
    return
  end
  current = table.remove(queue, 1)
  show(current)
end

---Asks; `done` gets the answer of the chosen option, the first one's (Deny) in any doubt.
---@param prompt interline.PermissionPrompt
function M.ask(prompt)
  if not prompt.options[1] or prompt.options[1].approves then
    return prompt.done(nil)
  end
  queue[#queue + 1] = prompt
  last_key = math.max(last_key, vim.uv.now() - 1)
  watch_keys()
  require('interline.status').changed()
  if vim.fn.mode() ~= 'n' then
    say.notify('waits for your permission: ' .. say.visible(prompt.title))
  end
  open()
end

---Asks what the server's request says.
---@param params interline.PermissionParams
---@param client_id integer
---@param answer fun(answer: string?)
function M.request(params, client_id, answer)
  local details = {}
  if params.danger then
    details[1] = '! This can destroy something, or send it away.'
  end
  local detail = params.detail or ''
  -- What is short stands in the title already.
  local lines = vim.endswith(params.title, detail) and {} or vim.split(detail, '\n', { trimempty = true })
  vim.list_extend(details, lines, 1, math.min(#lines, MAX_LINES))
  if #lines > MAX_LINES then
    details[#details + 1] = ('… and %d more lines that do not fit here: deny what you cannot read'):format(#lines - MAX_LINES)
  end
  for _, effect in ipairs(params.effects) do
    details[#details + 1] = '- ' .. effect
  end
  ---@type interline.PermissionChoice[]
  local options = {}
  for _, option in ipairs(params.options) do
    local rule = option.answer == 'allow_always' and params.always
    options[#options + 1] = {
      label = rule and option.label .. ': ' .. rule or option.label,
      answer = option.answer,
      approves = option.answer ~= 'deny',
    }
  end
  local queued = params.total > 1 and (' (%d of %d)'):format(params.position, params.total) or ''
  M.ask({
    client_id = client_id,
    id = params.id,
    session = params.session,
    title = params.title .. queued,
    danger = params.danger,
    details = details,
    options = options,
    done = answer,
  })
end

---How many prompts wait, the open one included.
---@return integer
function M.waiting()
  return #queue + (current and 1 or 0)
end

---Drops prompts that nobody waits for any more.
---@param match fun(prompt: interline.PermissionPrompt): boolean
function M.drop(match)
  for index = #queue, 1, -1 do
    if match(queue[index]) then
      local prompt = table.remove(queue, index)
      prompt.done(prompt.options[1].answer)
    end
  end
  if current and match(current) then
    settle(current, nil)
  end
end

---A turn has ended: what it asked for is moot.
---@param session string
function M.turn_ended(session)
  M.drop(function(prompt)
    return prompt.session == session
  end)
end

---@param client_id integer
function M.forget(client_id)
  M.drop(function(prompt)
    return prompt.client_id == client_id
  end)
end

return M
