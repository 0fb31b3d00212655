/** Why a test that makes mounts can't run here. */
export function rootSkip(): string | undefined {
  return process.getuid?.() === 0 ? undefined : 'needs root'
}

interface Step {
  readonly name: string
  readonly state: 'CACHED' | 'DONE' | 'ERROR' | 'CANCELED' | undefined
}

/** The steps of `--progress plain` and how each ended. */
export function steps(plain: string): Step[] {
  const out = new Map<string, Step>()
  for (const line of plain.split('\n')) {
    const [, id, text] = /^#(\d+) (.*)$/.exec(line) ?? []
    if (id === undefined || text === undefined) continue
    const known = out.get(id)
    const state = /^(CACHED|DONE|ERROR|CANCELED)\b/.exec(text)?.[1] as Step['state']
    if (known === undefined) out.set(id, { name: text, state: undefined })
    else if (state !== undefined) out.set(id, { ...known, state })
  }
  return [...out.values()]
}

export function cachedSteps(plain: string): string[] {
  return steps(plain).flatMap(({ name, state }) => (state === 'CACHED' ? [name] : []))
}

export function ranSteps(plain: string): string[] {
  return steps(plain).flatMap(({ name, state }) => (state === 'DONE' ? [name] : []))
}
