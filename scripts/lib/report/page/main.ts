import 'uplot/dist/uPlot.min.css'
import './style.css'
import './charts.css'
import type { LineChart } from '../charts.js'
import { browser } from './browser.js'
import { Plot } from './plot.js'

for (const place of browser.document.querySelectorAll('.plot')) {
  const chart = JSON.parse(place.nextElementSibling!.textContent!) as LineChart
  const plot = new Plot(place, chart)
  new browser.ResizeObserver(() => plot.fit()).observe(place)
  browser.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => plot.draw())
}
