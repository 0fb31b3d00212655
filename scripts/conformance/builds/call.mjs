/** Holds what `--call=outline|targets,format=json` prints against a case's expectation: every field that the case names. */
export function callDifferences(call, expected, stdout) {
  const seen = JSON.parse(stdout)
  if (call === 'targets') return listDifferences('target', expected.targets, seen.targets ?? [])
  const { args = [], secrets = [], name, description } = seen
  const outline = expected.outline
  return [
    ...fieldDifferences('outline', { name: outline.name, description: outline.description }, { name, description }),
    // The cases list secrets among the arguments.
    ...listDifferences('argument', outline.args ?? [], [...args, ...secrets]),
  ]
}

function listDifferences(what, wanted, found) {
  const missing = wanted.length === found.length ? [] : [`it lists ${found.length} ${what}s, not ${wanted.length}`]
  const flat = found.map((one) => ({ ...one, line: one.location?.ranges?.[0]?.start?.line }))
  const compared = wanted.flatMap((one, at) => {
    const same = flat.find(({ name = '' }) => name === one.name) ?? flat[at] ?? {}
    return fieldDifferences(`${what} "${one.name}"`, one, same)
  })
  return [...missing, ...compared]
}

/** An absent field is the empty one of its kind, as Go leaves empty fields out. */
function fieldDifferences(what, wanted, found) {
  return Object.entries(wanted).flatMap(([key, value]) => {
    const is = found[key] ?? (typeof value === 'boolean' ? false : '')
    return value === undefined || is === value
      ? []
      : [`${what}: ${key} is ${JSON.stringify(is)}, not ${JSON.stringify(value)}`]
  })
}
