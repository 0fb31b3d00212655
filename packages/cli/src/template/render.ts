import { badTemplate } from './bad-template.js'
import { formatValue, functions, isTrue } from './functions.js'
import { type Operand, type Pipeline, parseTemplate, type TemplateNode } from './parse.js'

/** Compiles a template in Go's language, as Docker's `--format` takes it. The function it returns renders one value.
 * @throws {CliError} `TEMPLATE_INVALID`, also while rendering: an unknown field names those that there are */
export function compileTemplate(template: string): (data: unknown) => string {
  const nodes = parseTemplate(template)
  return (data) => new Renderer(template, data).block(nodes, data)
}

class Renderer {
  readonly #template: string
  readonly #variables: Map<string, unknown>

  constructor(template: string, data: unknown) {
    this.#template = template
    this.#variables = new Map([['$', data]])
  }

  block(nodes: readonly TemplateNode[], dot: unknown): string {
    return nodes.map((node) => this.#node(node, dot)).join('')
  }

  #node(node: TemplateNode, dot: unknown): string {
    if (node.kind === 'text') return node.text
    const value = this.#pipeline(node.pipeline, dot)
    if (node.kind === 'print') return node.pipeline.declares.length > 0 ? '' : formatValue(value)
    if (node.kind === 'range') return this.#range(node, value, dot)
    if (!isTrue(value)) return this.block(node.otherwise, dot)
    return this.block(node.body, node.kind === 'with' ? value : dot)
  }

  #range(node: Extract<TemplateNode, { kind: 'if' | 'with' | 'range' }>, value: unknown, dot: unknown): string {
    const entries = Array.isArray(value)
      ? [...value.entries()]
      : Object.entries(Object(value)).sort(([a], [b]) => (a < b ? -1 : 1))
    if (entries.length === 0) return this.block(node.otherwise, dot)
    const names = node.pipeline.declares
    return entries
      .map(([key, item]) => {
        const values = names.length > 1 ? [key, item] : [item]
        for (const [index, name] of names.entries()) this.#variables.set(name, values[index])
        return this.block(node.body, item)
      })
      .join('')
  }

  #pipeline({ declares, commands }: Pipeline, dot: unknown): unknown {
    let value: unknown
    for (const [index, command] of commands.entries()) value = this.#command(command, dot, index === 0 ? [] : [value])
    const [name] = declares
    if (name !== undefined) this.#variables.set(name, value)
    return value
  }

  #command([first, ...rest]: readonly Operand[], dot: unknown, piped: readonly unknown[]): unknown {
    const args = [...rest.map((operand) => this.#operand(operand, dot)), ...piped]
    if (first?.kind === 'function') return this.#call(first.name, args)
    if (args.length > 0) throw this.#bad('a value is called like a function')
    return this.#operand(first!, dot)
  }

  #operand(operand: Operand, dot: unknown): unknown {
    switch (operand.kind) {
      case 'literal':
        return operand.value
      case 'function':
        return this.#call(operand.name, [])
      case 'path': {
        const { from, fields } = operand
        const start =
          from === undefined ? dot : typeof from === 'string' ? this.#variable(from) : this.#pipeline(from, dot)
        return fields.reduce((value, field) => this.#field(value, field), start)
      }
    }
  }

  #field(value: unknown, field: string): unknown {
    if (typeof value !== 'object' || value === null) throw this.#bad(`"${formatValue(value)}" has no field "${field}"`)
    if (!Object.hasOwn(value, field)) {
      throw this.#bad(`there is no field "${field}"`, `Fields: ${Object.keys(value).join(', ') || 'none'}`)
    }
    return (value as Record<string, unknown>)[field]
  }

  #variable(name: string): unknown {
    if (!this.#variables.has(name)) throw this.#bad(`variable "${name}" is not set`)
    return this.#variables.get(name)
  }

  #call(name: string, args: readonly unknown[]): unknown {
    if (!Object.hasOwn(functions, name))
      throw this.#bad(`function "${name}" is unknown`, `Known: ${Object.keys(functions).join(', ')}`)
    try {
      return functions[name]?.(...args)
    } catch (error) {
      throw this.#bad((error as Error).message)
    }
  }

  #bad(state: string, hint?: string): Error {
    return badTemplate(this.#template, state, hint)
  }
}
