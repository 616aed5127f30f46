import { connect, createServer, type Socket } from 'node:net';

/** A way to the database that can be cut, the way a network is: nobody is told. */
export type DatabaseProxy = {
  readonly url: string;
  /** From now on nothing gets through, in either direction, and nothing is closed. */
  readonly cut: () => void;
  /** New connections get through again; the old ones are gone. */
  readonly mend: () => void;
  readonly close: () => void;
};

export async function startDatabaseProxy(databaseUrl: string): Promise<DatabaseProxy> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let isCut = false;
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    if (isCut) socket.pause();
  };
  const server = createServer((client) => {
    keep(client);
    if (isCut) return;
    const database = connect(Number(target.port || 5432), target.hostname);
    keep(database);
    client.on('data', (bytes) => isCut || database.write(bytes));
    database.on('data', (bytes) => isCut || client.write(bytes));
    client.on('close', () => isCut || database.destroy());
    database.on('close', () => isCut || client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  const destroyAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: url.href,
    cut: () => {
      isCut = true;
      for (const socket of sockets) socket.pause();
    },
    mend: () => {
      destroyAll();
      isCut = false;
    },
    close: () => {
      destroyAll();
      server.close();
    },
  };
}
