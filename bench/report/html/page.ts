import { html } from '../../../scripts/lib/report/html.js'
import { reportDocument } from '../../../scripts/lib/report/page.js'
import type { Report } from '../report.js'
import { verdictOf } from '../report.js'
import { environmentSection, partSection, targetsSection, verdictSection } from './sections.js'

/** The whole report as one file. */
export function reportPage(report: Report): string {
  const { parts, createdAt, targets, environment } = report
  const day = new Date(createdAt).toUTCString()
  return reportDocument({
    heading: 'stockhold bench',
    verdict: verdictOf(parts),
    about: `${day}, Node ${environment.node.replace(/^v/, '')}, ${environment.redis.version}, ${environment.cpu.count} × ${environment.cpu.model}`,
    main: html`${verdictSection(report)}
${targetsSection(targets)}
<section aria-labelledby="parts">
<h2 id="parts">Parts</h2>
<nav aria-label="Parts">${parts.map(({ name }) => html`<a href="#part-${name}">${name}</a> `)}</nav>
${parts.map(partSection)}
</section>
${environmentSection(report)}`,
  })
}
