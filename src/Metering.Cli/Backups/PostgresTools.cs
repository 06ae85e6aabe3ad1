using System.Diagnostics;
using System.Globalization;
using Metering.Safety;
using Npgsql;

namespace Metering.Cli.Backups;

/// <summary>PostgreSQL's own <c>pg_dump</c> and <c>pg_restore</c>, from the search path or where Debian keeps them; the password goes by environment, which other users can not read.</summary>
internal static class PostgresTools
{
    private const string Debian = "/usr/lib/postgresql";

    /// <summary>Runs the program on the database to its end. Throws <see cref="UserErrorException"/> with what it said when it fails.</summary>
    public static async Task RunAsync(string program, string connectionString, IEnumerable<string> arguments, CancellationToken cancel)
    {
        var connection = new NpgsqlConnectionStringBuilder(connectionString);
        var start = new ProcessStartInfo(Find(program), arguments) { RedirectStandardError = true, UseShellExecute = false };
        start.Environment["PGHOST"] = connection.Host;
        start.Environment["PGPORT"] = connection.Port.ToString(CultureInfo.InvariantCulture);
        start.Environment["PGUSER"] = connection.Username;
        start.Environment["PGDATABASE"] = connection.Database ?? connection.Username;
        if (connection.Password is { Length: > 0 } password) start.Environment["PGPASSWORD"] = password;
        if (connection.SslMode is not SslMode.Prefer) start.Environment["PGSSLMODE"] = connection.SslMode switch { SslMode.VerifyCA => "verify-ca", SslMode.VerifyFull => "verify-full", var mode => mode.ToString().ToLowerInvariant() };
        using var process = Process.Start(start)!;
        try
        {
            var said = await process.StandardError.ReadToEndAsync(cancel);
            await process.WaitForExitAsync(cancel);
            if (process.ExitCode != 0) throw new UserErrorException($"{program} failed: {said.Trim().ReplaceLineEndings(" ")}; check Ledger:ConnectionString, and that its version is not older than the server's.");
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    private static string Find(string program)
    {
        var directories = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);

        // The newest: an older one refuses a newer server.
        var debian = Directory.Exists(Debian) ? Directory.GetDirectories(Debian).OrderByDescending(path => int.TryParse(Path.GetFileName(path), out var version) ? version : 0).Select(path => Path.Combine(path, "bin")) : [];
        return debian.Concat(directories).Select(directory => Path.Combine(directory, program)).FirstOrDefault(File.Exists)
            ?? throw new UserErrorException($"{program} is not installed; install PostgreSQL's client programs (Debian: postgresql-client), or run it where the database is.");
    }
}
