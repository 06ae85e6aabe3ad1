using System.Globalization;
using Metering.Service.Ledger;
using Npgsql;

namespace Metering.EndToEnd.Servers;

/// <summary>
/// A private PostgreSQL 15 on loopback: its own data directory, port and socket directory, fsync on unless told otherwise. It can be killed like a machine that loses power
/// (short of the disk cache) and started again on the same data.
/// </summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private const string Binaries = "/usr/lib/postgresql/15/bin";
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60);

    private readonly string directory;
    private readonly bool durable;
    private readonly SemaphoreSlim turn = new(1, 1);
    private ChildProcess? server;
    private bool hasTemplate;

    private PostgresServer(string directory, int port, bool durable)
    {
        this.directory = directory;
        this.durable = durable;
        Port = port;
    }

    public int Port { get; }

    /// <summary>What the server said since its last start.</summary>
    public string Log => server?.Output ?? "";

    /// <summary>The id of the postmaster.</summary>
    public int ProcessId => Current.Id;

    private ChildProcess Current => server ?? throw new InvalidOperationException("PostgreSQL was not started.");

    private string Data => Path.Combine(directory, "data");

    /// <summary>Makes an empty cluster and starts it; skips the test (fails it under CI) when PostgreSQL is not installed.</summary>
    /// <param name="durable">Whether commits are synced to the disk; false where nobody takes the machine's power away.</param>
    public static async Task<PostgresServer> StartAsync(CancellationToken cancel, bool durable = true)
    {
        ServerPackages.Require($"{Binaries}/initdb", "postgresql-15");
        var postgres = new PostgresServer(Directory.CreateTempSubdirectory("metering-postgres-").FullName, Ports.Free(), durable);
        try
        {
            if (Environment.IsPrivilegedProcess) await ChildProcess.RunAsync("chown", ["postgres:postgres", postgres.directory], StartTimeout, cancel);
            // --no-sync speeds up only the creation; the running server syncs.
            var (file, arguments) = AsPostgres("initdb", "-D", postgres.Data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync");
            await ChildProcess.RunAsync(file, arguments, StartTimeout, cancel);
            await postgres.StartAgainAsync(cancel);
            return postgres;
        }
        catch
        {
            await postgres.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the server on its data, after <see cref="KillAsync"/> or <see cref="StopAsync"/>, and waits until it answers (recovery included).</summary>
    public async Task StartAgainAsync(CancellationToken cancel)
    {
        if (server is not null) await server.DisposeAsync();
        var (file, arguments) = AsPostgres(
            "postgres", "-D", Data, "-p", Port.ToString(CultureInfo.InvariantCulture), "-k", directory, "-c", "listen_addresses=127.0.0.1", "-c", durable ? "fsync=on" : "fsync=off",
            "-c", "synchronous_commit=on", "-c", "max_connections=100", "-c", "shared_buffers=64MB",
            // Segments of a killed server would stay in the machine's shared memory.
            "-c", "dynamic_shared_memory_type=mmap");
        server = ChildProcess.Start(file, arguments);
        await server.WaitUntilAsync(AnswersAsync, "PostgreSQL answered", StartTimeout, cancel);
    }

    /// <summary>Makes an empty database, replacing one of that name, and returns its connection string.</summary>
    /// <param name="database">A plain name: letters, digits, underscore.</param>
    public async Task<string> ConnectionStringAsync(string database, CancellationToken cancel)
    {
        if (database.Length == 0 || !database.All(c => char.IsAsciiLetterOrDigit(c) || c == '_')) throw new ArgumentException("A plain name is needed.", nameof(database));
        await ExecuteAsync($"DROP DATABASE IF EXISTS \"{database}\" WITH (FORCE)", cancel);
        await ExecuteAsync($"CREATE DATABASE \"{database}\"", cancel);
        return ConnectionStringTo(database);
    }

    /// <summary>Makes a ledger's database whose schema is there already: migrating takes longer than most tests.</summary>
    /// <param name="database">A plain name: letters, digits, underscore.</param>
    public async Task<string> LedgerAsync(string database, CancellationToken cancel)
    {
        const string Template = "migrated";
        await turn.WaitAsync(cancel);
        try
        {
            if (!hasTemplate)
            {
                await using (var store = LedgerStore.Create(new LedgerOptions { ConnectionString = await ConnectionStringAsync(Template, cancel) })) await store.OpenAsync(cancel);
                hasTemplate = true;
            }

            await CopyDatabaseAsync(Template, database, cancel);
        }
        finally
        {
            turn.Release();
        }

        return ConnectionStringTo(database);
    }

    /// <summary>A role that has to prove its password, as on a server that others can reach, and an empty database of its own.</summary>
    public async Task<string> OwnDatabaseAsync(string role, string password, string database, CancellationToken cancel)
    {
        var rules = Path.Combine(Data, "pg_hba.conf");
        await File.WriteAllTextAsync(rules, $"host all {role} 127.0.0.1/32 scram-sha-256\n" + await File.ReadAllTextAsync(rules, cancel), cancel);
        await ExecuteAsync("SELECT pg_reload_conf()", cancel);
        await ExecuteAsync($"CREATE ROLE {role} LOGIN PASSWORD '{password}'", cancel);
        await ExecuteAsync($"CREATE DATABASE {database} OWNER {role}", cancel);
        return $"Host=127.0.0.1;Port={Port};Database={database};Username={role};Password={password}";
    }

    /// <summary>Replaces a database by a copy of another one, which nobody may be connected to.</summary>
    public async Task CopyDatabaseAsync(string from, string to, CancellationToken cancel)
    {
        await ExecuteAsync($"DROP DATABASE IF EXISTS \"{to}\" WITH (FORCE)", cancel);
        await ExecuteAsync($"CREATE DATABASE \"{to}\" TEMPLATE \"{from}\"", cancel);
    }

    /// <summary>Ends what a client that was killed has left open, which the server would notice only later.</summary>
    public Task WithoutSessionsAsync(string database, CancellationToken cancel) =>
        ExecuteAsync($"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{database}'", cancel);

    /// <summary>The connection string of a database that is there already.</summary>
    public string ConnectionStringTo(string database) => $"Host=127.0.0.1;Port={Port};Database={database};Username=postgres";

    /// <summary>SIGKILL to the whole server at once: postmaster and backends, so that nothing is flushed or rolled back in order.</summary>
    public async Task KillAsync(CancellationToken cancel)
    {
        // Frozen first, or the postmaster would see a backend die and start its own crash recovery before its turn comes.
        Current.Freeze();
        var children = ChildrenOf(Current.Id);
        foreach (var child in children) Signals.Send(child, Signals.Kill);
        Current.Kill();
        await Current.WaitForExitAsync(StartTimeout, cancel);
        // A backend that lives on keeps the shared memory, and the next start would refuse.
        while (children.Any(child => File.Exists($"/proc/{child}/stat") && ParentOf(child) is not null))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, cancel);
        }

        NpgsqlConnection.ClearAllPools();
    }

    /// <summary>SIGINT-like orderly stop that ends open sessions; the data is clean afterwards.</summary>
    public async Task StopAsync(CancellationToken cancel)
    {
        var (file, arguments) = AsPostgres("pg_ctl", "stop", "-D", Data, "-m", "fast", "-w", "-s");
        await ChildProcess.RunAsync(file, arguments, StartTimeout, cancel);
        await Current.WaitForExitAsync(StartTimeout, cancel);
        NpgsqlConnection.ClearAllPools();
    }

    /// <summary>SIGSTOP to the whole server: connections stay open and nothing is answered.</summary>
    public void Freeze()
    {
        Current.Freeze();
        foreach (var child in ChildrenOf(Current.Id)) Signals.Send(child, Signals.Stop);
    }

    /// <summary>SIGCONT, after <see cref="Freeze"/>.</summary>
    public void Thaw()
    {
        foreach (var child in ChildrenOf(Current.Id)) Signals.Send(child, Signals.Continue);
        Current.Thaw();
    }

    public async ValueTask DisposeAsync()
    {
        if (server is not null)
        {
            // Nothing of it is wanted any more, so the quickest end is the best; by id, never by name.
            if (!server.HasExited) await KillAsync(CancellationToken.None);
            await server.DisposeAsync();
        }

        Directory.Delete(directory, recursive: true);
    }

    // PostgreSQL refuses to run as root. setpriv replaces itself by the server, so the id of the child is the postmaster's; runuser would stay between.
    private static (string File, string[] Arguments) AsPostgres(string program, params string[] arguments) => Environment.IsPrivilegedProcess
        ? ("setpriv", ["--reuid=postgres", "--regid=postgres", "--init-groups", "--", $"{Binaries}/{program}", .. arguments])
        : ($"{Binaries}/{program}", arguments);

    private static List<int> ChildrenOf(int parent) =>
    [
        .. Directory.EnumerateDirectories("/proc")
            .Select(directory => int.TryParse(Path.GetFileName(directory), out var id) ? id : 0)
            .Where(id => id > 0 && ParentOf(id) == parent),
    ];

    // The parent of a living process; null when it is gone or only waits to be reaped.
    private static int? ParentOf(int process)
    {
        try
        {
            // The name in brackets may itself hold brackets and spaces, so the fields are counted from its end.
            var stat = File.ReadAllText($"/proc/{process}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] is "Z" or "X" ? null : int.Parse(fields[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private async Task<bool> AnswersAsync(CancellationToken cancel)
    {
        try
        {
            await ExecuteAsync("SELECT 1", cancel);
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }

    /// <summary>As the administrator.</summary>
    public async Task ExecuteAsync(string sql, CancellationToken cancel)
    {
        await using var connection = new NpgsqlConnection(ConnectionStringTo("postgres") + ";Pooling=false;Timeout=5");
        await connection.OpenAsync(cancel);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancel);
    }
}
