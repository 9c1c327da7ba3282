import { defineConfig } from 'vitest/config'
import { controlRoomPage, PAGE_MODULE } from '../scripts/control-room-page.mjs'
import { LongestFirst } from './support/longest-first.js'

/** The build inlines the Lua scripts as text; so do the tests. */
const lua = {
  name: 'lua-as-text',
  transform: (code: string, id: string) =>
    id.endsWith('.lua') ? { code: `export default ${JSON.stringify(code)}`, map: null } : null,
}

/** The build inlines the page of the control room; so do the tests that load it. */
const page = {
  name: 'control-room-page',
  transform: (code: string, id: string) =>
    id.endsWith(PAGE_MODULE)
      ? { code: `const CONTROL_ROOM_PAGE = ${controlRoomPage()}\n${code}`, map: null }
      : null,
}

/**
 * What is promised of a sale is promised of one over several partitions: these suites run a second
 * time, with four. What speaks to one partition by the port is not among them (`testOfOne`), and
 * the simulator and the properties draw a number of their own. With `STOCKHOLD_TEST_PARTITIONS=all`
 * the slow ones run too, with `none` none of them.
 */
const overPartitions = [
  'test/conformance/{amend,audit,carts,close,confirm,control,create,events,extend,get,expiry,households}.test.ts',
  'test/conformance/{move,payments,refund,refusals,release,reservations-of,reserve,restock,returns-to,waiting-list}.test.ts',
  'test/conformance/{set-total,stats,update}.test.ts',
  'test/conformance/waiting-room/coupling.test.ts',
  'test/race/*.test.ts',
  'test/fault/{clocks,crash,pause}.test.ts',
]
const slowOverPartitions = [
  'test/conformance/waiting-room/*.test.ts',
  'test/fault/{consumer,faulty-redis,network,rush}.test.ts',
]

const everything = ['test/**/*.test.ts']
/**
 * The files of a worker share its modules: to load these again for each file is more than half of
 * the work. Those of `test/package` here only start programs or read texts. The other files replace
 * modules, count what the process does as a whole, or leave clients behind that look for a server
 * which was killed.
 */
const together = [
  'test/{unit,conformance,property,simulation,postgres,race}/**/*.test.ts',
  'test/package/{bench,demo,demo-serve,drill,mutants,repeat,report,run-tool,shop,soak,versions}.test.ts',
  'test/package/readme{,-links,-names,-operations,-routes}.test.ts',
]
const which = process.env.STOCKHOLD_TEST_PARTITIONS

/**
 * `npm run test:fast`: nothing that needs a server. See `support/extent.ts` for what the suites
 * leave out.
 */
const fast = {
  include: ['test/{unit,conformance,property}/**/*.test.ts'],
  // They are about a server, or about scripts that only a server runs.
  exclude: [
    'test/unit/redis-engine/{client,server-check,servers}.test.ts',
    'test/property/*mutation-detection.test.ts',
  ],
  env: { STOCKHOLD_FAST: 'yes' },
  isolate: false,
}

const whole = {
  globalSetup: ['test/support/provision.ts'],
  ...(which === 'none'
    ? { include: everything }
    : {
        projects: [
          { extends: true as const, test: { name: 'one', include: together, isolate: false } },
          { extends: true as const, test: { name: 'apart', include: everything, exclude: together } },
          {
            extends: true as const,
            test: {
              name: 'partitions',
              include: [...overPartitions, ...(which === 'all' ? slowOverPartitions : [])],
              isolate: false,
              setupFiles: ['test/support/four-partitions.ts'],
              env: { STOCKHOLD_SEVERAL: '4' },
            },
          },
        ],
      }),
}

export default defineConfig(({ mode }) => ({
  plugins: [lua, page],
  test: {
    root: new URL('..', import.meta.url).pathname,
    setupFiles: ['test/support/one-seed.ts', 'test/support/own-timers.ts'],
    // Most files wait most of the time, for a clock or for processes of their own.
    maxWorkers: 6,
    sequence: { sequencer: LongestFirst },
    // For what hangs. On a machine with ten times the work, the slowest test still takes less.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // What a test waits for comes about, or never does.
    expect: { poll: { timeout: 300_000 } },
    ...(mode === 'fast' ? fast : whole),
  },
}))
