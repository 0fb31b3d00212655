import { at, type LintRule, ruleUrl } from '../rule.js'

export const exposeInvalidFormat: LintRule = {
  name: 'ExposeInvalidFormat',
  description:
    'IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release',
  url: ruleUrl('expose-invalid-format'),
  *find({ stages }) {
    for (const { instruction } of stages.flatMap(({ steps }) => steps)) {
      if (instruction.kind !== 'expose') continue
      for (const port of instruction.ports) {
        if (!port.slice(0, port.lastIndexOf(':') + 1).replace(/^:+$/, '')) continue
        yield at(
          instruction,
          `EXPOSE instruction should not define an IP address or host-port mapping, found '${port}'`,
        )
      }
    }
  },
}
