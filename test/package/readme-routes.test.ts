/** The chapter on HTTP lists every route and every problem, as the table of routes has them. */
import { expect, test } from 'vitest'
import { PROBLEMS, type ProblemCode, problemDetails } from '../../src/http/problems.js'
import { ROUTES } from '../../src/http/routes.js'
import { chapter } from './chapters.js'

const { prose, blocks } = chapter('src/http/README.md')
/** Any route can answer these, so the table does not repeat them. */
const isFault = (code: ProblemCode) =>
  /^[A-Z_]+$/.test(code) && (ROUTES.sale.problems as readonly string[]).includes(code)

test('routes', () => {
  const rows = Object.values(ROUTES).map(({ method, path, does, answers, problems }) => {
    const refusals = (problems as readonly ProblemCode[])
      .filter((code) => !isFault(code))
      .map((code) => `${PROBLEMS[code].status} \`${code}\``)
    return `| \`${method} ${path}\` | ${does} | ${Object.keys(answers).join(', ')} | ${refusals.join(', ')} |`
  })
  expect(prose).toContain(rows.join('\n'))
})

test('problems', () => {
  const rows = Object.entries(PROBLEMS).map(
    ([code, { status, title }]) => `| \`${code}\` | ${status} | ${title} |`,
  )
  expect(prose).toContain(rows.join('\n'))
})

test('the body of a problem', () => {
  const shown = blocks.find(({ code }) => code.includes('urn:problem-type:'))!
  const members = { sku: 'mango-me', available: 1, mayReturn: true }
  expect(JSON.parse(shown.code)).toEqual(problemDetails({ problem: 'sold_out', members }))
})

test.each(['stockhold/fastify', 'stockhold/express', '@hono/node-server'])(
  'the service on %s has at most 40 lines',
  (name) => {
    const service = blocks.find(({ code }) => code.includes(`from '${name}'`))!
    expect(service.code.trimEnd().split('\n').length).toBeLessThanOrEqual(40)
  },
)
