import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { onTestFinished } from 'vitest'
import { type Instrumentation, type InstrumentOptions, instrument } from '../../src/otel.js'
import { TestClock } from './test-clock.js'
import { wrapped } from './wrapped-engine.js'

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Metrics as Prometheus gets them, over HTTP, from the exporter of OpenTelemetry's SDK. */
export class Scraped {
  private constructor(
    readonly instrumentation: Instrumentation,
    readonly url: string,
  ) {}

  static async open({ engine, ...rest }: Omit<InstrumentOptions, 'meterProvider'> = {}): Promise<Scraped> {
    // Readings of the engine take as long as they take: the time of their deadlines stands still.
    const timeless = engine && wrapped(engine, { clock: engine.clock ?? new TestClock() })
    const options = { ...rest, engine: timeless }
    const exporter = new PrometheusExporter({ preventServerStart: true })
    const meterProvider = new MeterProvider({ readers: [exporter] })
    const instrumentation = instrument({ traces: false, ...options, meterProvider })
    const server = createServer((request, response) => exporter.getMetricsRequestHandler(request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(async () => {
      await instrumentation.close()
      await meterProvider.shutdown()
      server.closeAllConnections()
      server.close()
    })
    return new Scraped(instrumentation, `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`)
  }

  async text(): Promise<string> {
    return (await fetch(this.url)).text()
  }

  /** The samples of the library. */
  async samples(): Promise<Sample[]> {
    const lines = (await this.text()).split('\n').filter((line) => line.startsWith('stockhold_'))
    return lines.map((line) => {
      const [, name = '', labels = '', value = ''] = /^(\w+)\{(.*)\} (\S+)$/.exec(line) ?? []
      const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)]
      return {
        name,
        labels: Object.fromEntries(pairs.map(([, key, text]) => [key, text])),
        value: Number(value),
      }
    })
  }

  /** The values of a metric, by `label=value` of the labels named. */
  async values(name: string, ...labels: string[]): Promise<Record<string, number>> {
    const some = (await this.samples()).filter((sample) => sample.name === `stockhold_${name}`)
    const keyOf = (sample: Sample) =>
      labels.map((label) => sample.labels[`stockhold_${label}`] ?? sample.labels[label]).join(' ')
    return Object.fromEntries(some.map((sample) => [keyOf(sample), sample.value]))
  }
}
