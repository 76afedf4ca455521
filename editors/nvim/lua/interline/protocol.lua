-- The wire beyond standard LSP (server/PROTOCOL.md): what we announce, and which module gets what arrives.
-- Must not hold state or show anything itself; the modules are loaded when something first arrives for them.

local M = {}

---@param settings interline.Config
---@return table
function M.init_options(settings)
  return {
    permission = true,
    save = true,
    query = true,
    event = true,
    input = true,
    transcript = true,
    settings = next(settings.settings) and settings.settings or vim.empty_dict(),
  }
end

---Runs `start` and waits, without blocking the editor, until it calls back. Only inside a handler of a request.
---@param start fun(done: fun(value: any))
---@return any
local function await(start)
  local co = assert(coroutine.running(), 'await needs a coroutine')
  local value, finished, yielded
  start(function(given)
    if finished then
      return
    end
    value, finished = given, true
    if yielded then
      vim.schedule(function()
        coroutine.resume(co)
      end)
    end
  end)
  if not finished then
    yielded = true
    coroutine.yield()
  end
  return value
end

---@param params interline.PermissionParams
---@param ctx lsp.HandlerContext
local function request_permission(_, params, ctx)
  local deny = { id = params.id, answer = 'deny' }
  return await(function(done)
    local ok = pcall(require('interline.permission').request, params, ctx.client_id, function(answer)
      done({ id = params.id, answer = answer or 'deny' })
    end)
    if not ok then
      done(deny)
    end
  end)
end

---@param params interline.SaveParams
---@return interline.SaveResult
local function save(_, params)
  local ok, problem = pcall(require('interline.save').save, params.uris)
  if ok and not problem then
    return vim.empty_dict()
  end
  return { problem = tostring(problem) }
end

---@param params interline.QueryParams
---@param ctx lsp.HandlerContext
---@return interline.QueryResult?
---@return lsp.ResponseError?
local function query(_, params, ctx)
  local answer = await(function(done)
    local function reply(result, why)
      done({ result = result, why = why })
    end
    local ok, err = pcall(require('interline.answer').query, params, ctx.client_id, reply)
    if not ok then
      vim.lsp.log.error('interline: query failed: ' .. tostring(err))
      reply(nil, 'the question failed in the editor: ' .. tostring(err))
    end
  end)
  if answer.result then
    return answer.result
  end
  return nil, vim.lsp.rpc_response_error(vim.lsp.protocol.ErrorCodes.InternalError, answer.why)
end

---@param params lsp.ApplyWorkspaceEditParams
---@param ctx lsp.HandlerContext
local function apply_edit(err, params, ctx)
  return require('interline.apply').edit(err, params, ctx)
end

---@param params interline.EventParams
---@param ctx lsp.HandlerContext
local function event(_, params, ctx)
  require('interline.events').on_event(params, ctx.client_id)
end

M.handlers = {
  ['interline/requestPermission'] = request_permission,
  ['interline/save'] = save,
  ['interline/query'] = query,
  ['interline/event'] = event,
  ['workspace/applyEdit'] = apply_edit,
}

---Commands of code actions and lenses that need something of the editor before they go to the server.
---@param name string
local function wrapped(name)
  ---@param command lsp.Command
  return function(command, ctx)
    local client = assert(vim.lsp.get_client_by_id(ctx.client_id))
    require('interline.actions').run(client, name, (command.arguments or {})[1] or {})
  end
end

M.commands = {
  ['interline.edit'] = wrapped('edit'),
  ['interline.revise'] = wrapped('revise'),
  ['interline.explain'] = wrapped('explain'),
  ['interline.prompt'] = wrapped('prompt'),
}

return M
