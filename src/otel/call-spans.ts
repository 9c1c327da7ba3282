import { context, type Span, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api'
import type { BatchMessage, CallMessage } from '../telemetry/messages.js'
import { ATTRIBUTES, OTHER } from './attributes.js'
import { errorType, subjectOf } from './call-metrics.js'

/** A span for each call, and one for each batch, which is linked to those of its calls. */
export class CallSpans {
  readonly #tracer: Tracer
  readonly #spans = new WeakMap<CallMessage, Span>()

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  /** Runs inside the call: the active span is the caller's. */
  begun(call: CallMessage): void {
    const attributes = {
      ...{ [ATTRIBUTES.subject]: subjectOf(call), [ATTRIBUTES.command]: call.command },
      ...(call.sale !== null && { [ATTRIBUTES.sale]: call.sale }),
      ...(call.room !== null && { [ATTRIBUTES.room]: call.room }),
      ...(call.group !== null && { [ATTRIBUTES.group]: call.group }),
    }
    const name = `${subjectOf(call)}.${call.command}`
    this.#spans.set(call, this.#tracer.startSpan(name, { attributes }, context.active()))
  }

  ended(call: CallMessage): void {
    const span = this.#spans.get(call)
    if (!span) return
    if (call.partition !== null) span.setAttribute(ATTRIBUTES.partition, call.partition)
    if (call.status !== null) {
      span.setAttribute(ATTRIBUTES.status, call.status)
      span.setAttribute(ATTRIBUTES.replayed, call.replayed)
      span.setAttribute(ATTRIBUTES.fromMemory, call.fromMemory)
    } else fail(span, call.error, call.code === 'OTHER' ? OTHER : call.code!)
    span.end()
  }

  /** A batch of one call is a part of it. A batch of several is a trace of its own. */
  batch({ calls, ...batch }: BatchMessage): void {
    const spans = calls.flatMap((call) => this.#spans.get(call) ?? [])
    const [only, ...others] = spans
    const attributes = {
      ...{ [ATTRIBUTES.command]: batch.command, [ATTRIBUTES.outcome]: batch.outcome },
      ...{ 'stockhold.batch.size': batch.size, 'stockhold.batch.wait_time': batch.waitedMs / 1_000 },
      ...(batch.sale !== null && { [ATTRIBUTES.sale]: batch.sale }),
      ...(batch.room !== null && { [ATTRIBUTES.room]: batch.room }),
      ...(batch.partition !== null && { [ATTRIBUTES.partition]: batch.partition }),
    }
    const ended = performance.timeOrigin + performance.now()
    const span = this.#tracer.startSpan(
      `batch ${batch.command}`,
      {
        ...{ kind: SpanKind.CLIENT, attributes, startTime: ended - batch.durationMs },
        ...{ root: !only || others.length > 0, links: spans.map((one) => ({ context: one.spanContext() })) },
      },
      only ? trace.setSpan(context.active(), only) : context.active(),
    )
    if (batch.outcome === 'failed') fail(span, batch.error, errorType(batch.error))
    span.end(ended)
  }
}

function fail(span: Span, error: unknown, type: string): void {
  span.setAttribute(ATTRIBUTES.error, type)
  span.recordException(error instanceof Error ? error : String(error))
  span.setStatus({ code: SpanStatusCode.ERROR, message: type })
}
