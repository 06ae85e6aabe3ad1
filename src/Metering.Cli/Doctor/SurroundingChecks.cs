using System.Globalization;
using Metering.Agent.Shipping;
using Metering.Cli.Client;
using Metering.Configuration;
using Metering.Safety;
using Metering.Service.Ingest;
using Metering.Service.Ledger;
using Microsoft.Data.Sqlite;

namespace Metering.Cli.Doctor;

/// <summary>Clock, data directory, broker, store and service.</summary>
internal sealed class SurroundingChecks(Settings settings, string dataDirectory, string serviceUrl, TimeProvider clock)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly DateTimeOffset Oldest = new(2025, 1, 1, 0, 0, 0, TimeSpan.Zero), Newest = new(2100, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public async Task<List<Check>> RunAsync(CancellationToken cancel)
    {
        var (service, date) = await ServiceAsync(cancel);
        return [Clock(date), DataDirectory(), await BrokerAsync(cancel), await StoreAsync(cancel), service];
    }

    private Check Clock(DateTimeOffset? serviceDate)
    {
        var now = clock.GetUtcNow();
        var text = now.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        if (now < Oldest || now > Newest) return Check.Failure("clock", $"{text} can not be", "set the clock, for windows are named by it (timedatectl set-ntp true)");
        if (serviceDate is { } date && (date - now).Duration() > TimeSpan.FromSeconds(5))
            return Check.Warning("clock", $"{text}; the service's differs by {(date - now).TotalSeconds:0} s", "usage falls into the buckets of this host's clock; synchronise both (timedatectl set-ntp true)");
        return KernelClock.IsSynchronised() is false
            ? Check.Warning("clock", $"{text}, not synchronised as the kernel knows", "timedatectl set-ntp true, or chrony; in a container the host's clock counts")
            : Check.Ok("clock", text);
    }

    private Check DataDirectory()
    {
        var directory = Path.GetFullPath(dataDirectory);
        try
        {
            var existing = directory;
            while (!Directory.Exists(existing) && Path.GetDirectoryName(existing) is { } parent) existing = parent;
            var probe = Path.Combine(existing, ".metering-" + Path.GetRandomFileName());
            using (new FileStream(probe, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Options = FileOptions.DeleteOnClose }))
            {
            }

            var free = new DriveInfo(existing).AvailableFreeSpace;
            var bound = settings.Whole("Journal:MaxBytes", 1L << 30, 1 << 20, 1L << 40);
            var finding = $"{directory} can be written, {Tables.Bytes(free)} free";
            return free < bound ? Check.Warning("journal", finding, $"the journal may grow to {Tables.Bytes(bound)}; free space or lower Journal:MaxBytes") : Check.Ok("journal", finding);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Check.Failure("journal", $"{directory} can not be written: {e.Message}", "give a --data directory that this user owns");
        }
    }

    private async Task<Check> BrokerAsync(CancellationToken cancel)
    {
        if (settings.Text("Broker:Url") is not { } url) return Check.Ok("broker", "not configured");
        try
        {
            await using var transport = new RabbitMqTransport(new RabbitMqTransportOptions { Url = url, ConnectTimeout = Patience }, clock);
            await transport.ConnectAsync(cancel);
            return Check.Ok("broker", $"{new Uri(url).Host} lets {Uri.UnescapeDataString(new Uri(url).UserInfo.Split(':')[0])} in");
        }
        catch (TransportException e)
        {
            return Check.Failure("broker", e.Message, "check Broker:Url, the user's password and permissions, and that RabbitMQ runs");
        }
    }

    private async Task<Check> StoreAsync(CancellationToken cancel)
    {
        LedgerOptions options;
        try
        {
            options = LedgerOptions.From(settings, dataDirectory);
        }
        catch (UserErrorException e)
        {
            return Check.Failure("store", e.Message, "set Ledger:ConnectionString or Ledger:Grain right");
        }

        try
        {
            if (!options.IsPostgres && new SqliteConnectionStringBuilder(options.ConnectionString).DataSource is var file && !File.Exists(file)) return Check.Ok("store", $"SQLite, {file} is made at the first start");
            await using var store = LedgerStore.Create(options);
            await using var connection = await store.OpenReadAsync(cancel);
            await using var command = connection.CreateCommand();
            command.CommandText = "SELECT 1";
            await command.ExecuteScalarAsync(cancel);
            if (await store.LookUnprotectedAsync(cancel) is { } missing) return Check.Warning("store", $"PostgreSQL {connection.ServerVersion} at {connection.DataSource}, without row-level security", missing);
            return Check.Ok("store", options.IsPostgres ? $"PostgreSQL {connection.ServerVersion} at {connection.DataSource}" : $"SQLite {connection.ServerVersion}, {connection.DataSource}");
        }
        catch (Exception e) when (e is LedgerUnavailableException or System.Data.Common.DbException or ArgumentException)
        {
            return Check.Failure("store", e.Message, "check Ledger:ConnectionString and that the database runs");
        }
    }

    private async Task<(Check Check, DateTimeOffset? Date)> ServiceAsync(CancellationToken cancel)
    {
        if (!Uri.TryCreate(serviceUrl, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https")) throw UserErrorException.Usage($"--url is '{serviceUrl}'; it must be http://HOST:PORT.");
        using var client = new HttpClient { BaseAddress = url, Timeout = Patience };
        try
        {
            using var response = await client.GetAsync(new Uri("readyz", UriKind.Relative), cancel);
            return response.IsSuccessStatusCode
                ? (Check.Ok("service", $"{url} is ready"), response.Headers.Date)
                : (Check.Failure("service", $"{url} runs and is not ready ({(int)response.StatusCode})", $"GET {url}readyz tells why"), response.Headers.Date);
        }
        catch (Exception e) when (e is HttpRequestException || (e is TaskCanceledException && !cancel.IsCancellationRequested))
        {
            return (Check.Warning("service", $"none at {url}", "start it with 'metering up', or give --url of the one that runs"), null);
        }
    }
}
