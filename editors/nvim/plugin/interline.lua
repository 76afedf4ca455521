-- Defines the command and the <Plug> mappings. Loads nothing and starts nothing until one of them is used.

if vim.g.loaded_interline then
  return
end
vim.g.loaded_interline = true

vim.api.nvim_create_user_command('Interline', function(opts)
  require('interline.command').run(opts)
end, {
  nargs = '+',
  range = true,
  desc = 'Interline: fix, edit, ask, review',
  complete = function(lead, line)
    return require('interline.command').complete(lead, line)
  end,
})

local normal = {
  'accept', 'accept-all', 'cancel', 'diff', 'explain', 'fix', 'edit', 'ask', 'mode', 'next', 'prev', 'quickfix',
  'reject', 'reject-all', 'revise', 'transcript', 'undo',
}
for _, name in ipairs(normal) do
  local opts = { desc = 'Interline: ' .. name, silent = true }
  vim.keymap.set('n', ('<Plug>(interline-%s)'):format(name), ('<Cmd>Interline %s<CR>'):format(name), opts)
end
for _, name in ipairs({ 'accept', 'ask', 'edit', 'explain', 'fix', 'reject' }) do
  local opts = { desc = 'Interline: ' .. name, silent = true }
  vim.keymap.set('x', ('<Plug>(interline-%s)'):format(name), (':Interline %s<CR>'):format(name), opts)
end

local group = vim.api.nvim_create_augroup('interline', {})
vim.api.nvim_create_autocmd('ColorScheme', {
  group = group,
  callback = function()
    if package.loaded['interline.draw'] then
      require('interline.draw').define_highlights()
    end
  end,
})
