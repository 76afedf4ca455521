-- The server's description for `vim.lsp.enable('interline')`. Must not hold settings: see lua/interline/config.lua.
return require('interline.server').lsp_config()
