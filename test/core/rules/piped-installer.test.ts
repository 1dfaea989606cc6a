import { pipedInstaller } from '../../../packages/core/src/rules/piped-installer.ts';
import { ruleTable } from '../../support/rule-table.ts';

const found = 'info none: https://example.org/i.sh';

ruleTable(pipedInstaller, [
  { text: 'RUN curl -fsSL https://example.org/i.sh | sh', all: found },
  { text: 'RUN wget -qO- https://example.org/i.sh | A=b bash -s -- -y', all: found },
  { text: 'RUN apt-get update && curl -sL https://example.org/i.sh | sudo -E bash - && true', all: found },
  { text: 'RUN curl https://example.org/i.sh | env A=b sh', all: found },
  { text: 'RUN sh -c "$(curl -fsSL https://example.org/i.sh)"', all: found },
  { text: 'RUN bash <(curl -s https://example.org/i.sh)', all: found },
  { text: 'RUN curl -sL https://example.org/i.sh | tee /x | sh', all: found },
  { text: 'RUN curl https://sh.rustup.rs -sSf | sh -s -- -y', v6: 'info none: https://sh.rustup.rs' },
  {
    text: 'RUN curl -sL https://deb.nodesource.com/setup_18.x | bash -',
    v6: 'info none: https://deb.nodesource.com/setup_18.x',
  },
  {
    text: 'RUN curl -sL https://deb.nodesource.com/setup_20.x | bash -',
    v7: 'info none: https://deb.nodesource.com/setup_20.x',
    v6: 'info none: https://deb.nodesource.com/setup_20.x',
  },
  { text: 'RUN curl -sSL https://install.python-poetry.org | sh' },
  { text: 'RUN curl https://example.org/list | grep x | sh' },
  { text: 'RUN curl -O https://example.org/i.sh' },
  { text: 'RUN curl https://example.org/x.tgz | tar xz' },
  { text: 'RUN curl https://example.org/x.tgz; sh x' },
  { text: 'RUN if [ "$(uname -m)" = x86_64 ]; then curl https://example.org/i.sh | sh; fi' },
  { text: 'FROM --platform=$BUILDPLATFORM x\nRUN curl https://example.org/i.sh | sh' },
]);
