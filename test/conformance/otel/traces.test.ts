import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { instrument } from '../../../src/otel.js'
import { onBothEngines } from '../../support/shop.js'

beforeAll(() => void context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()))
afterAll(() => context.disable())

function traced() {
  const exporter = new InMemorySpanExporter()
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  const instrumentation = instrument({ tracerProvider })
  onTestFinished(() => instrumentation.close())
  const spans = (name: string) => exporter.getFinishedSpans().filter((span) => span.name === name)
  return { exporter, tracer: tracerProvider.getTracer('shop'), instrumentation, spans }
}

const idOf = (span: ReadableSpan) => span.spanContext().spanId

onBothEngines((open) => {
  test('a call is a child of the active span of its caller, and a lone batch a part of the call', async () => {
    const shop = await open({}, 'traced')
    const { tracer, spans } = traced()
    const checkout = tracer.startSpan('checkout')
    const held = await context.with(trace.setSpan(context.active(), checkout), () =>
      shop.hold('u', 1, { key: 'k' }),
    )
    checkout.end()
    const [reserve] = spans('sale.reserve')
    expect(reserve!.parentSpanContext?.spanId).toBe(checkout.spanContext().spanId)
    expect(reserve!.kind).toBe(SpanKind.INTERNAL)
    expect(reserve!.attributes).toEqual({
      ...{ 'stockhold.subject': 'sale', 'stockhold.command': 'reserve', 'stockhold.sale': 'traced' },
      ...{ 'stockhold.partition': 0, 'stockhold.status': 'reserved' },
      ...{ 'stockhold.replayed': false, 'stockhold.from_memory': false },
    })
    const [batch] = spans('batch reserve')
    expect(batch!.parentSpanContext?.spanId).toBe(idOf(reserve!))
    expect(batch!.links.map((link) => link.context.spanId)).toEqual([idOf(reserve!)])
    expect(batch!.kind).toBe(SpanKind.CLIENT)
    expect(JSON.stringify([reserve!.attributes, batch!.attributes])).not.toContain(held.id)
  })

  test('a batch of several calls is a trace of its own, linked to each of them', async () => {
    const shop = await open({ stock: { a: 9 } }, 'traced')
    const { tracer, spans } = traced()
    const callers = ['u', 'v', 'w'].map((buyer) => ({ buyer, span: tracer.startSpan(buyer) }))
    await Promise.all(
      callers.map(({ buyer, span }) =>
        context.with(trace.setSpan(context.active(), span), () => shop.hold(buyer)),
      ),
    )
    const calls = spans('sale.reserve')
    expect(calls.map((call) => call.parentSpanContext?.spanId)).toEqual(
      callers.map(({ span }) => span.spanContext().spanId),
    )
    const [batch, ...others] = spans('batch reserve')
    expect(others).toEqual([])
    expect(batch!.parentSpanContext).toBeUndefined()
    expect(batch!.links.map((link) => link.context.spanId)).toEqual(calls.map(idOf))
    expect(batch!.attributes).toMatchObject({ 'stockhold.batch.size': 3, 'stockhold.outcome': 'done' })
    expect(calls.map((call) => call.spanContext().traceId)).not.toContain(batch!.spanContext().traceId)
  })

  test('a call that fails has the status error, its code and the exception', async () => {
    const shop = await open({}, 'traced')
    const { spans } = traced()
    await shop.sale.confirm('').catch(() => {})
    const [confirm] = spans('sale.confirm')
    expect(confirm!.status).toEqual({ code: SpanStatusCode.ERROR, message: 'INVALID_ARGUMENT' })
    expect(confirm!.attributes['error.type']).toBe('INVALID_ARGUMENT')
    expect(confirm!.events.map(({ name }) => name)).toEqual(['exception'])
    // A refusal is no error.
    await shop.reserve('u', 99)
    expect(spans('sale.reserve')[0]!.status.code).toBe(SpanStatusCode.UNSET)
  })

  test('every span that began ends, and none begins once it is closed', async () => {
    const shop = await open({ stock: { a: 9 } }, 'traced')
    const { exporter, instrumentation, spans } = traced()
    await Promise.all([
      shop.hold('u'),
      shop.sale.stats(),
      shop.sale.rules(),
      shop.sale.confirm('').catch(() => {}),
    ])
    const named = exporter.getFinishedSpans().map(({ name }) => name)
    expect(named.filter((name) => name.startsWith('sale.')).sort()).toEqual([
      'sale.confirm',
      'sale.reserve',
      'sale.rules',
      'sale.stats',
    ])
    await instrumentation.close()
    await shop.hold('v')
    expect(spans('sale.reserve')).toHaveLength(1)
  })
})
