import { execFile } from 'node:child_process'
import { Redis } from 'ioredis'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { startRedis } from '../../scripts/lib/servers/redis/server.js'
import { run } from '../../src/cli/run.js'
import { Screen } from '../../src/cli/screen.js'
import { memorySubject, redisSubject } from '../../src/cli/subject.js'
import { verify } from '../../src/cli/verify.js'
import { LAYOUT } from '../../src/engine/layout.js'
import { SERVER_TIME } from '../../src/redis-engine/script.js'
import { type Alteration, AlteredScripts } from '../support/altered-scripts.js'
import { OwnRedis } from '../support/own-redis.js'
import { WITHOUT_FAST_CHECK } from './without-fast-check.js'

const redis = new OwnRedis()
beforeEach(async () => {
  await redis.client.flushall()
})

/** An exit code, and all that was written. */
type Ended = { readonly code: number; readonly text: string }

async function verifying(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  let text = ''
  const output = { write: (more: string) => (text += more) }
  const code = await run(args, { output, errors: output, env })
  return { code, text }
}

/** The program itself, in a process of its own. */
function program(args: readonly string[], nodeOptions = ''): Promise<Ended> {
  const env = { ...process.env, NODE_OPTIONS: nodeOptions, REDIS_URL: '' }
  return new Promise((resolve) => {
    execFile(process.execPath, ['scripts/run.mjs', 'src/cli/main.ts', ...args], { env }, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, text: out + err }),
    )
  })
}

describe('npx stockhold verify', () => {
  test('on a fresh Redis: verified, and nothing is left behind', async () => {
    const { code, text } = await program(['verify', '--redis', redis.url, '--runs', '150', '--seed', '3'])
    expect(text).toMatch(
      /stockhold verify: redis:\/\/127\.0\.0\.1:\d+, 150 stories, seed 3\n.*verdict: verified, 150 stories, [\d,]+ requests/s,
    )
    expect(text).toContain('Again: npx stockhold verify --redis URL --runs 150 --seed 3')
    expect(text).not.toContain('\x1b')
    expect(code).toBe(0)
    expect(await redis.client.dbsize()).toBe(0)
  })

  test('deletes its own keys and no others', async () => {
    await redis.client.set('{stockhold-verify:stockhold-check-of-somebody:0}:meta', 'mine')
    const { code } = await verifying(['verify', '--runs', '5', '--prefix', 'shop'], { REDIS_URL: redis.url })
    expect(code).toBe(0)
    expect(await redis.client.keys('*')).toEqual(['{stockhold-verify:stockhold-check-of-somebody:0}:meta'])
  })

  test('says what it leaves behind where it may not delete', async () => {
    await redis.client.acl('SETUSER', 'careful', 'on', '>secret', '~*', '+@all', '-unlink')
    const url = redis.url.replace('//', '//careful:secret@')
    const { code, text } = await verifying(['verify', '--redis', url, '--runs', '3'])
    expect(code).toBe(0)
    expect(text).toContain('Left behind: small sales below {stockhold-verify:stockhold-check-...}')
    expect(text).toContain('(NOPERM)')
    expect(text).not.toContain('secret')
  })

  test('the memory engine needs no server', async () => {
    const { code, text } = await verifying(['verify', '--engine', 'memory', '--runs', '20'])
    expect(text).toContain('stockhold verify: the memory engine, 20 stories')
    expect(code).toBe(0)
  })

  test('the same seed sends the same requests', async () => {
    const requests = async () =>
      / ([\d,]+) requests, [\d.]+ s\n/.exec(
        (await verifying(['verify', '--engine', 'memory', '--runs', '10', '--seed', '4'])).text,
      )![1]
    expect(await requests()).toBe(await requests())
  })
})

describe('catches an injected bug', () => {
  const bugs: [string, Alteration, RegExp][] = [
    [
      'the stock is not checked',
      {
        find: "sku, may_return = lacking(lines)\n  if sku == 'retry' then return 'T' end\n  if sku then\n    detail(sku)",
        replace: 'sku = nil\n  if sku then\n    detail(sku)',
      },
      /negative|units are promised/,
    ],
    [
      'the limit is off by one',
      { find: 'has + lines[i + 1] > limit', replace: 'has + lines[i + 1] > limit + 1' },
      /the limit is|more than/,
    ],
    [
      'an expired hold is given back twice',
      {
        find: 'IS_EXPIRED, EXPIRED_EVENT, NONE, HELD, AVAILABLE)',
        replace:
          'IS_EXPIRED, EXPIRED_EVENT, NONE, HELD, AVAILABLE)\n    move_cart(lines_of(record[ITEMS]), HELD, AVAILABLE)',
      },
      /add up|negative|promised|the audit/,
    ],
    [
      'a script that fails',
      { find: 'read_fields(STOCK, wanted)', replace: 'nothing(STOCK, wanted)' },
      /The script failed/,
    ],
  ]
  test.each(bugs)('%s', async (_name, alteration, rule) => {
    const altered = new Redis(redis.url)
    onTestFinished(() => altered.disconnect())
    const scripts = new AlteredScripts(altered, [alteration])
    scripts.expect(SERVER_TIME)
    let text = ''
    const screen = new Screen({ write: (more) => (text += more) }, {})
    const subject = redisSubject(altered, 'bug', 'a Redis with a bug')
    expect(await verify(subject, { runs: 200, seed: 1 }, screen), text).toBe(1)
    expect(scripts.runs).toBeGreaterThan(0)
    const broken = /A rule is broken: (.*)/.exec(text)![1]
    expect(broken).toMatch(rule)
    // A person can follow it: what was asked, what was answered, in few lines.
    expect(text).toMatch(
      /a sale of \d a and \d b, .*\n(then|at the same time):\n {2}[\s\S]*reserve\((u\d( of h\d)?|late-[ab]-\d.*): \d [ab]/,
    )
    expect(text).toMatch(
      /verdict: violated, in story \d+ of 200\nAgain: .* --prefix "bug" --runs 200 --seed 1/,
    )
    expect(await redis.client.keys('*')).toEqual([])
  })
})

test('data of another version: there is no verdict, and what it says is the error', async () => {
  const altered = new Redis(redis.url)
  onTestFinished(() => altered.disconnect())
  const scripts = new AlteredScripts(altered, [
    { find: `layout ~= ${LAYOUT} then`, replace: `layout == ${LAYOUT} then` },
  ])
  scripts.expect(SERVER_TIME)
  let text = ''
  const screen = new Screen({ write: (more) => (text += more) }, {})
  expect(await verify(redisSubject(altered, 'other', 'a Redis'), { runs: 200, seed: 1 }, screen), text).toBe(
    2,
  )
  expect(text).toMatch(
    new RegExp(
      `verdict: none, a Redis could not be asked\nINCOMPATIBLE_VERSION: .*layout ${LAYOUT}; this version of stockhold reads layout ${LAYOUT}\\. Nothing was executed`,
    ),
  )
})

describe('exit code 2 says what to do', () => {
  test.each<[string, string[], RegExp]>([
    ['no command', [], /which command/],
    ['another command', ['sell'], /no command "sell"/],
    ['a word too many', ['verify', 'it'], /"it" is one word too many/],
    ['no URL', ['verify'], /--redis redis:.*REDIS_URL/],
    ['no URL of Redis', ['verify', '--redis', 'http://x'], /redis:\/\/ or rediss:\/\//],
    ['an unknown option', ['verify', '--fast'], /--fast/],
    ['no runs', ['verify', '--engine', 'memory', '--runs', '0'], /--runs must be a whole number/],
    ['an unknown engine', ['verify', '--engine', 'mysql'], /--engine must be redis or memory/],
    ['a cluster', ['verify', '--redis', 'redis://h', '--cluster'], /checkNoOversell of stockhold\/testing/],
    ['two subjects', ['verify', '--engine', 'memory', '--redis', 'redis://h'], /of no use/],
    ['an empty prefix', ['verify', '--redis', 'redis://h', '--prefix', ''], /--prefix must be/],
  ])('%s', async (_name, args, advice) => {
    const { code, text } = await verifying(args)
    expect(text).toMatch(advice)
    expect(code).toBe(2)
  })

  test('no visitor is there', async () => {
    const { code, text } = await program(['verify', '--redis', 'redis://:hidden@127.0.0.1:1'])
    expect(text).toMatch(/redis:\/\/127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED/)
    expect(text).not.toContain('hidden')
    expect(code).toBe(2)
  })

  test('the login is refused', async () => {
    const { code, text } = await verifying(['verify', '--redis', redis.url.replace('//', '//x:hidden@')])
    expect(text).toContain('refuses the login')
    expect(text).not.toContain('hidden')
    expect(code).toBe(2)
  })

  test('the server may evict stock', async () => {
    await redis.client.config('SET', 'maxmemory-policy', 'allkeys-lru')
    onTestFinished(() => redis.client.config('SET', 'maxmemory-policy', 'noeviction').then(() => {}))
    const { code, text } = await verifying(['verify', '--redis', redis.url])
    expect(text).toContain('UNSAFE_CONFIG')
    expect(text).toContain('set it to noeviction')
    expect(code).toBe(2)
  })

  test('the server goes away in between: that breaks no rule', async () => {
    const mortal = await startRedis()
    onTestFinished(() => mortal.stop())
    let text = ''
    const output = {
      write(more: string) {
        text += more
        if (/\d stories, [\d,]+ requests/.test(more)) void mortal.kill()
      },
    }
    const args = ['verify', '--redis', mortal.url, '--runs', '100000']
    const code = await run(args, { output, errors: output, env: {} })
    expect(text).toMatch(/verdict: none, .* could not be asked\n(UNAVAILABLE|UNKNOWN_OUTCOME)/)
    expect(code).toBe(2)
  })

  test('a node of a cluster', async () => {
    const node = await startRedis({ config: { 'cluster-enabled': 'yes' } })
    onTestFinished(() => node.stop())
    const { code, text } = await verifying(['verify', '--redis', node.url])
    expect(text).toContain('is a node of a Redis Cluster: say --cluster')
    expect(code).toBe(2)
  })

  test('fast-check is not installed', async () => {
    const { code, text } = await program(['verify', '--engine', 'memory'], WITHOUT_FAST_CHECK)
    expect(text).toContain('npm install --save-dev fast-check')
    expect(code).toBe(2)
  })
})

test('--help tells all options', async () => {
  const { code, text } = await verifying(['verify', '--help'])
  for (const option of ['redis', 'runs', 'seed', 'engine', 'prefix']) expect(text).toContain(`--${option} `)
  expect(code).toBe(0)
})

test('on a terminal one line is redrawn, no wider than it is', async () => {
  const written: string[] = []
  const output = { isTTY: true, columns: 60, write: (text: string) => written.push(text) }
  const screen = new Screen(output, { NO_COLOR: '1' })
  expect(await verify(memorySubject(), { runs: 30, seed: 1 }, screen)).toBe(0)
  const drawn = written.filter((text) => text.startsWith('\r'))
  expect(drawn.at(-1)).toContain('30 of 30 stories')
  for (const line of drawn) {
    expect(line.endsWith('\x1b[K')).toBe(true)
    expect(line.length - '\r\x1b[K'.length).toBeLessThan(60)
  }
})

test('Ctrl-C: no verdict', async () => {
  const interrupt = new AbortController()
  let text = ''
  const write = (more: string) => {
    text += more
    interrupt.abort()
  }
  const subject = redisSubject(redis.client, 'stockhold-verify', 'a Redis')
  const options = { runs: 1_000, seed: 1, signal: interrupt.signal }
  const code = await verify(subject, options, new Screen({ write }, {}))
  expect(text).toContain('verdict: none, interrupted')
  expect(code).toBe(130)
  expect(await redis.client.dbsize()).toBe(0)
})
