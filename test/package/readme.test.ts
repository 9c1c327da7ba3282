/**
 * Every snippet of every chapter in TypeScript and SQL runs here, twice in a row: services restart.
 */
import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { build, transform } from 'esbuild'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { controlRoomPage } from '../../scripts/control-room-page.mjs'
import { entryPoints } from '../../scripts/lib/entry-points.js'
import { type PostgresServer, startPostgres } from '../../scripts/lib/servers/postgres/server.js'
import { type RedisCluster, startCluster } from '../../scripts/lib/servers/redis/cluster.js'
import { type RedisServer, startRedis } from '../../scripts/lib/servers/redis/server.js'
import { ROUTES } from '../../src/http/routes.js'
import { postgresLedger } from '../../src/postgres.js'
import { blocksOf, chapter, chapters, root, swap } from './chapters.js'
import { patient } from './patient.js'
import { type Expectation, expectations } from './snippets.js'

const run = promisify(execFile)
const folder = `${root}node_modules/.cache/stockhold/readme-${process.pid}`
/** Where a snippet runs by itself, and where it runs as one of a shop's processes. */
const [alone, shop] = [`${folder}/alone`, `${folder}/shop`]

/**
 * In place of `stockhold`: every engine is on the one Redis, as those of all processes of a shop
 * are.
 */
const onRedis = `
  import { redisEngine } from '${root}src/index.ts'
  export * from '${root}src/index.ts'
  export const memoryEngine = () => redisEngine(process.env.REDIS_URL)`

interface Snippet {
  readonly name: string
  readonly file: string
  readonly code: string
  readonly expected: Expectation | undefined
}

const snippets: Snippet[] = chapters.flatMap(({ path }) =>
  blocksOf(path, 'ts').map((code, index) => ({
    name: `snippet ${index + 1} of ${path}`,
    file: `${path.replaceAll('/', '-')}-${index + 1}`,
    code,
    expected: expectations[path]?.[index],
  })),
)

let server: RedisServer
let cluster: RedisCluster
let postgres: PostgresServer

beforeAll(async () => {
  server = await startRedis()
  cluster = await startCluster({ masters: 3, replicas: 0 })
  postgres = await startPostgres()
  await mkdir(folder, { recursive: true })
  await install()
})
afterAll(async () => {
  await server.stop()
  await cluster.stop()
  await postgres.stop()
  await rm(folder, { recursive: true, force: true })
})

/** Builds the package, and installs it for single snippets and for a shop's processes. */
async function install(): Promise<void> {
  await writeFile(`${folder}/on-redis.ts`, onRedis)
  await writeFile(`${folder}/loads.mjs`, loads)
  await build({
    entryPoints: [`${folder}/on-redis.ts`, ...entryPoints.map((name) => `${root}src/${name}.ts`)],
    entryNames: '[name]',
    outdir: `${alone}/node_modules/stockhold/dist`,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    loader: { '.lua': 'text' },
    plugins: [patient],
    define: { CONTROL_ROOM_PAGE: controlRoomPage() },
    logLevel: 'error',
  })
  await cp(`${alone}/node_modules`, `${shop}/node_modules`, { recursive: true })
  const manifest = await readFile(`${root}package.json`, 'utf8')
  await writeFile(`${alone}/node_modules/stockhold/package.json`, manifest)
  const onRedisManifest = swap(manifest, { './dist/index.js': './dist/on-redis.js' })
  await writeFile(`${shop}/node_modules/stockhold/package.json`, onRedisManifest)
}

/** Writes a snippet as a module in a folder with its own package, and names the file. */
async function compile(folder: string, name: string, code: string): Promise<string> {
  const { code: javascript } = await transform(code, { loader: 'ts', format: 'esm' })
  const file = `${folder}/${name}.mjs`
  await writeFile(file, javascript)
  return file
}

function environment(): NodeJS.ProcessEnv {
  const nodes = cluster.nodes.map(({ address }) => address).join()
  const urls = { REDIS_URL: server.url, REDIS_CLUSTER: nodes, DATABASE_URL: postgres.url }
  const secrets = {
    PASS_SECRET: 'a secret of thirty-two bytes, at least',
    STRIPE_WEBHOOK_SECRET: 'whsec_test',
    WEBHOOK_SECRET: 'whsec_dGVzdA==',
  }
  return { ...process.env, ...urls, ...secrets, PORT: '0' }
}

/** For tests of loading alone. A day of virtual time is 86,400 heartbeats: 6 s of CPU. */
const less = [
  ['runs: 100', 'runs: 5'],
  ['day = 86_400_000', 'day = 3_600_000'],
] as const
const shorter = (code: string) => less.reduce((text, [from, to]) => text.replace(from, to), code)

const start = (file: string) => run(process.execPath, [file], { env: environment() })

/** A process of a shop: it loads the snippets one after the other. */
class ShopProcess {
  readonly #process = fork(`${folder}/loads.mjs`, {
    env: environment(),
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  readonly #ended = once(this.#process, 'exit').then(([code]) => `ended with ${code}`)

  async load(file: string): Promise<void> {
    const told = once(this.#process, 'message').then(([message]) => message)
    this.#process.send(file)
    expect(await Promise.race([told, this.#ended])).toBe('loaded')
  }

  stop(): Promise<string> {
    this.#process.kill('SIGKILL')
    return this.#ended
  }
}

const loads = `
  process.on('message', (file) =>
    import(file).then(() => process.send('loaded'), (error) => process.send(String(error?.stack ?? error))))`

describe('the snippets', () => {
  test('are all expected here, and every expectation has its snippet', () => {
    const counts = chapters.map(({ path }) => [path, blocksOf(path, 'ts').length] as const)
    const expected = Object.entries(expectations).map(([path, some]) => [path, some.length] as const)
    expect(Object.fromEntries(counts.filter(([, count]) => count > 0))).toEqual(Object.fromEntries(expected))
  })

  test.each(less)('one has %s, which takes long', (text) => {
    expect(snippets.some(({ code }) => code.includes(text))).toBe(true)
  })

  for (const { name, file, code, expected } of snippets) {
    test(`${name} runs and prints what it says`, async () => {
      const { call = '', prints } = expected!
      const { stdout } = await start(await compile(alone, file, code + call))
      for (const line of prints) expect(stdout).toContain(line)
    })
  }

  describe('in a shop', () => {
    let processes: ShopProcess[] = []
    const begin = (count: number) => {
      processes = Array.from({ length: count }, () => new ShopProcess())
    }
    const end = () => Promise.all(processes.map((process) => process.stop()))

    describe('of two processes', () => {
      beforeAll(() => begin(2))
      afterAll(end)
      for (const { name, file, code } of snippets)
        test(`${name} can be loaded by both at a time`, async () => {
          const program = await compile(shop, file, shorter(code))
          await Promise.all(processes.map((process) => process.load(program)))
        })
    })

    describe('that was restarted', () => {
      beforeAll(() => begin(1))
      afterAll(end)
      for (const { name, file } of snippets)
        test(`${name} can be loaded again`, () => processes[0]!.load(`${shop}/${file}.mjs`))
    })
  })

  test('in CommonJS run, and print what they say', async () => {
    const blocks = chapters.flatMap(({ path }) => blocksOf(path, 'cjs'))
    expect(blocks.length).toBeGreaterThan(0)
    for (const code of blocks) {
      const file = `${alone}/common.cjs`
      await writeFile(file, code)
      expect((await start(file)).stdout).toContain(/ \/\/ (.*)$/m.exec(code)![1])
    }
  })

  test('for Docker: the health check succeeds while the process answers, and fails otherwise', async () => {
    const [block] = blocksOf('src/http/README.md', 'dockerfile')
    const [program, ...args] = JSON.parse(/CMD (\[.*\])/.exec(block!)![1]!) as [string, ...string[]]
    const paths: (string | undefined)[] = []
    const server = createServer(({ url }, response) => {
      response.statusCode = paths.push(url) === 1 ? 200 : 503
      response.end()
    }).listen(0)
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const check = () =>
      run(
        program,
        args.map((arg) => arg.replace('8080', String(port))),
      )
    await check()
    await expect(check()).rejects.toMatchObject({ code: 1 })
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await expect(check()).rejects.toMatchObject({ code: 1 })
    expect(paths).toEqual(['/shop/healthz', '/shop/healthz'])
  })

  test('for Kubernetes name routes that there are', () => {
    const [block] = blocksOf('src/http/README.md', 'yaml')
    const probes = [...block!.matchAll(/path: \/shop([\w/]+)/g)].map(([, path]) => path)
    expect(probes).toEqual([ROUTES.alive.path, ROUTES.ready.path])
  })

  test('in SQL run on the tables of the ledger', async () => {
    const statements = chapters
      .flatMap(({ path }) => blocksOf(path, 'sql'))
      .flatMap((block) => block.split(';\n').filter((statement) => statement.trim() !== ''))
    expect(statements.length).toBeGreaterThan(0)
    const pool = new pg.Pool({ connectionString: postgres.url })
    onTestFinished(() => pool.end())
    await postgresLedger(pool).migrate()
    for (const statement of [...statements, ...statements])
      await pool.query(statement, statement.includes('$1') ? ['a reservation'] : [])
  })

  test('beside a table of every column of the ledger', async () => {
    const pool = new pg.Pool({ connectionString: postgres.url })
    onTestFinished(() => pool.end())
    await postgresLedger(pool, { schema: 'documented' }).migrate()
    const { rows } = await pool.query(
      "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'documented'",
    )
    const { prose } = chapter('src/postgres/README.md')
    const columns = rows.filter(({ table_name }) => prose.includes(`| \`${table_name}\``))
    expect(columns.length).toBeGreaterThan(30)
    const names = columns.map(({ column_name }) => column_name as string)
    const isNamed = (name: string) => prose.includes(`\`${name}\``) || /^seen_/.test(name)
    expect(names.filter((name) => !isNamed(name))).toEqual([])
  })
})
