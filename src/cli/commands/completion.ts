import { Argument } from 'commander';
import { EXIT } from '../../core/exit-codes.ts';
import { COMPLETION_SHELLS, completionScript } from '../completion/scripts.ts';
import { defineVerb, word } from '../verb.ts';

export interface CompletionOptions {
  readonly shell: string;
}

export const completion = defineVerb<object, CompletionOptions>({
  effect: 'Only reads: prints the script that teaches your shell to complete mq with Tab, names of queues included.',
  examples: [
    "echo 'source <(mq completion bash)' >> ~/.bashrc",
    "echo 'autoload -Uz compinit && compinit && source <(mq completion zsh)' >> ~/.zshrc",
    'mq completion fish | source',
    'mq completion fish > ~/.config/fish/completions/mq.fish',
  ],
  declare(command) {
    command.addArgument(new Argument('<shell>', 'your shell').choices(COMPLETION_SHELLS));
  },
  parse([shell]) {
    return { shell: word(shell) };
  },
  async run({ shell }, session) {
    await session.host.stdout.write(await completionScript(shell));
    return EXIT.done;
  },
});
