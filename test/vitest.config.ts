import { defineConfig } from 'vitest/config'

/** The build inlines the Lua scripts as text; so do the tests. */
const lua = {
  name: 'lua-as-text',
  transform: (code: string, id: string) =>
    id.endsWith('.lua') ? { code: `export default ${JSON.stringify(code)}`, map: null } : null,
}

export default defineConfig({
  plugins: [lua],
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/provision.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Every file has servers and processes of its own; more than the cores only makes them wait for each other.
    maxWorkers: 2,
  },
})
