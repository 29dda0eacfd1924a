import { floorCommands } from '../../src/floor/nouns.ts'
import { runBatch } from '../../src/floor/run-batch.ts'
import { runEach } from '../../src/floor/run-each.ts'
import type { Command } from '../../src/changes/command/command.ts'

/**
 * Watches what reaches the commands of this process. A door that parses by its own rules, as the iPad's does, must pass on
 * what the command's schema would have made of it, letter for letter. Gives the inputs that differ, as they come.
 */
export function watchInputs(): readonly string[] {
  const wrong: string[] = []
  const commands: readonly Command[] = [...floorCommands, runBatch, runEach]
  for (const command of commands) {
    const run = command.run.bind(command)
    command.run = (w, input) => {
      const parsed = command.input.safeParse(input)
      const [is, should] = [JSON.stringify(input), parsed.success ? JSON.stringify(parsed.data) : parsed.error.message]
      if (is !== should) wrong.push(`${command.name}: ${is} instead of ${should}`)
      return run(w, input)
    }
  }
  return wrong
}
