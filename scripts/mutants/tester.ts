import { join, relative } from 'node:path'
import { BroadcastChannel } from 'node:worker_threads'
import { Redis } from 'ioredis'
import {
  createVitest,
  type Reporter,
  type TestModule,
  type TestSpecification,
  type Vitest,
} from 'vitest/node'
import { repositoryRoot } from '../lib/servers/machine.js'
import { startRedis } from '../lib/servers/redis/server.js'
import { type Failure, HEARTBEAT, SHARED_REDIS, type Task, type Word } from './protocol.js'

/**
 * A process that keeps Vitest and a Redis server running, and runs tests on request. Each request
 * has a new worker thread, so that a mutant leaves nothing behind, and runs all its files in that
 * thread, so that shared modules are loaded once. The requesting process kills this one after too
 * long a silence.
 */
const root = repositoryRoot()
const server = join(root, 'scripts/lib/servers/redis/server.ts')
const shared = join(root, 'scripts/mutants/shared-redis.ts')

let replaced: Task['replaced']
let failures: Failure[] = []
let durations: Record<string, number> = {}
let tests = 0
let slowest = 0

const say = (word: Word) => process.send?.(word)

const reporter: Reporter = {
  onTestCaseResult: (test) => {
    const { state, errors } = test.result()
    if (state !== 'skipped') tests++
    slowest = Math.max(slowest, test.diagnostic()?.duration ?? 0)
    if (state !== 'failed') return
    const file = relative(root, test.module.moduleId)
    failures.push({ file, test: test.fullName, message: errors?.[0]?.message ?? '' })
  },
  onTestModuleEnd: (module) => {
    const file = relative(root, module.moduleId)
    durations[file] = module.diagnostic().duration
    for (const error of errorsOf(module)) failures.push({ file, test: '', message: error.message })
  },
  onTestRunEnd: (_modules, errors) => {
    for (const { message } of errors) failures.push({ file: '', test: '', message })
  },
}

/** Failures outside of tests: of an import or a hook. */
function errorsOf(module: TestModule) {
  return [...module.errors(), ...[...module.children.allSuites()].flatMap((suite) => suite.errors())]
}

const plugin = {
  name: 'mutant',
  enforce: 'pre' as const,
  async resolveId(
    this: { resolve: (id: string, from?: string, options?: object) => Promise<{ id: string } | null> },
    id: string,
    from: string | undefined,
  ) {
    if (!/redis\/server\.js$/.test(id) || from === shared) return null
    const found = await this.resolve(id, from, { skipSelf: true })
    return found?.id === server ? shared : found
  },
  load: (id: string) => (replaced && id === join(root, replaced.file) ? replaced.text : null),
}

/** Files run in the order in which they are named. */
class AsNamed {
  sort(files: TestSpecification[]): TestSpecification[] {
    return files
  }
  shard(files: TestSpecification[]): TestSpecification[] {
    return files
  }
}

function start(): Promise<Vitest> {
  return createVitest(
    'test',
    {
      ...{ root, config: join(root, 'test/vitest.config.ts'), watch: false, api: false },
      ...{ pool: 'threads', isolate: false, maxWorkers: 1, fileParallelism: false },
      setupFiles: [join(root, 'scripts/mutants/heartbeat.ts')],
      ...{ reporters: [reporter], silent: true, sequence: { sequencer: AsNamed }, cache: false },
    },
    { plugins: [plugin], server: { watch: null } },
  )
}

/** Kills a script of a mutant that may still loop in the server. */
async function freeServer(): Promise<void> {
  const client = new Redis(redis.url, { retryStrategy: null, commandTimeout: 1_000 })
  client.on('error', () => {})
  const answer = await client.ping().catch(() => undefined)
  client.disconnect()
  if (answer === 'PONG') return
  await redis.kill()
  await redis.restart()
}

async function run(vitest: Vitest, task: Task): Promise<Word> {
  await freeServer()
  const before = replaced
  replaced = task.replaced
  failures = []
  durations = {}
  tests = 0
  slowest = 0
  for (const each of [before, replaced]) if (each) vitest.invalidateFile(join(root, each.file))
  const { testTimeout } = task
  for (const config of [vitest.config, ...vitest.projects.map((project) => project.config)])
    Object.assign(config, { testTimeout, hookTimeout: testTimeout, bail: task.bail ? 1 : 0 })
  vitest.setGlobalTestNamePattern(new RegExp(task.pattern))
  const project = vitest.getRootProject()
  const specifications = task.files.map((file) => project.createSpecification(join(root, file)))
  await vitest.runTestSpecifications(specifications, false)
  return { type: 'result', failures, tests, slowest, durations }
}

new BroadcastChannel(HEARTBEAT).onmessage = () => say({ type: 'alive' })
process.on('disconnect', () => process.exit())
const redis = await startRedis()
process.env[SHARED_REDIS] = JSON.stringify(redis)
// Each test once: mutants are not judged by the runs with four partitions.
process.env.STOCKHOLD_TEST_PARTITIONS = 'none'
const vitest = await start()
process.on('message', (task: Task) => {
  run(vitest, task).then(say, (error) => say({ type: 'fault', message: String(error) }))
})
say({ type: 'ready' })
