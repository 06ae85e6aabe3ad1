using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Metering.Agent.Shipping;
using Metering.Cli.Client;
using Metering.Cli.Simulation;
using Metering.Safety;
using Metering.Units;
using Spectre.Console;

namespace Metering.Cli.Commands;

/// <summary><c>metering simulate</c>: a synthetic fleet for load and demos.</summary>
internal static class SimulateCommand
{
    private const int MaxHosts = 9999, MaxWorkloads = 100_000, MaxPasses = 1_000_000;

    public static Command Create()
    {
        var hosts = Number("--hosts", "Hosts", 10);
        var workloads = Number("--workloads", "Workloads on each host", 20);
        var passes = Number("--passes", "Passes", 6);
        var interval = new Option<string>("--interval") { Description = "Time between passes", DefaultValueFactory = _ => "10s", HelpName = "SPAN" };
        var seed = new Option<ulong>("--seed") { Description = "The same seed and --from give the same bytes", DefaultValueFactory = _ => 1, HelpName = "S" };
        var from = new Option<string?>("--from") { Description = "Start of the first window, RFC 3339; default so that the last one ends now", HelpName = "TIME" };
        var broker = new Option<string?>("--broker") { Description = "Ship by RabbitMQ; {host} stands for the login of each host: amqp://{host}:PASSWORD@HOST:5672/", HelpName = "URL" };
        var (url, key, data, format) = (CommonOptions.Url(), CommonOptions.Key(), CommonOptions.Data(), CommonOptions.TableOrJson());
        var command = new Command("simulate", "Sends the usage of a fleet that does not exist, for load and demos; prints rates and the exact totals it sent.") { hosts, workloads, interval, passes, seed, from, url, key, data, broker, format };
        command.SetAction(async (parsed, cancel) =>
        {
            var options = Options(parsed.GetValue(hosts), parsed.GetValue(workloads), parsed.GetValue(passes), parsed.GetValue(interval)!, parsed.GetValue(seed), parsed.GetValue(from), TimeProvider.System.GetUtcNow());
            var fleet = new Fleet(options);
            SimulationReport report;
            if (parsed.GetValue(broker) is { } address)
            {
                report = await RunAsync(fleet, host => Broker(address, host, options.Hosts), shared: false, "rabbitmq", TimeProvider.System, cancel);
            }
            else
            {
                using var client = ApiClient.Create(parsed.GetValue(url), parsed.GetValue(key), parsed.GetValue(data)!);
                (await client.SendAsync(HttpMethod.Get, "healthz", null, cancel)).Dispose();
                report = await RunAsync(fleet, host => (new HttpTransport(client.Url, client.Key), Fleet.HostId(host)), shared: true, "http", TimeProvider.System, cancel);
            }

            if (parsed.GetValue(format) == "json") Console.Out.WriteLine(JsonSerializer.Serialize(report, CliJson.Indented));
            else Write(report);
            return 0;
        });
        return command;

        static Option<int> Number(string name, string description, int otherwise) => new(name) { Description = $"{description}; default {otherwise}", DefaultValueFactory = _ => otherwise, HelpName = "N" };
    }

    /// <summary>Checks the options. Windows are multiples of the interval, as an agent's are.</summary>
    internal static FleetOptions Options(int hosts, int workloads, int passes, string interval, ulong seed, string? from, DateTimeOffset now)
    {
        Range("--hosts", hosts, MaxHosts);
        Range("--workloads", workloads, MaxWorkloads);
        Range("--passes", passes, MaxPasses);
        if (!Duration.TryParse(interval, out var span) || span < TimeSpan.FromMilliseconds(100) || span > TimeSpan.FromMinutes(15) || TimeSpan.FromMinutes(15).Ticks % span.Ticks != 0)
            throw UserErrorException.Usage($"--interval is '{Tables.Inert(interval)}'; it must be a whole fraction of 15min from 100ms on, such as 1s, 10s, 1min.");
        DateTimeOffset start;
        if (from is null) start = now.AddTicks(-(now.UtcTicks % span.Ticks)) - span * passes;
        else if (!DateTimeOffset.TryParse(from, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out start)) throw UserErrorException.Usage($"--from is '{Tables.Inert(from)}'; give RFC 3339, such as 2026-10-01T00:00:00Z.");
        if (start.UtcTicks % span.Ticks != 0) throw UserErrorException.Usage($"--from is '{Tables.Inert(from!)}', which is no multiple of the interval {interval}.");
        if (start < DateTimeOffset.UnixEpoch || start + span * passes > now.AddDays(1)) throw UserErrorException.Usage("The windows would end more than a day ahead, or begin before 1970; give an earlier --from or fewer --passes.");
        return new FleetOptions(hosts, workloads, passes, span, seed, start.ToUniversalTime());
    }

    private static void Range(string name, int value, int most)
    {
        if (value < 1 || value > most) throw UserErrorException.Usage($"{name} is {value}; it must be 1 to {most}.");
    }

    // The broker vouches for a login, and the login is the host.
    private static (IUsageTransport Transport, string HostId) Broker(string address, int host, int hosts)
    {
        var templated = address.Contains("{host}", StringComparison.Ordinal);
        if (!templated && hosts > 1) throw UserErrorException.Usage("Over RabbitMQ each host has a login of its own; write --broker amqp://{host}:PASSWORD@HOST:5672/ (users sim-0001, sim-0002, …), or take --hosts 1.");
        var url = address.Replace("{host}", Fleet.HostId(host));
        if (!Uri.TryCreate(url, UriKind.Absolute, out var parsed) || parsed.Scheme is not ("amqp" or "amqps")) throw UserErrorException.Usage("--broker is not a URL; give amqp://{host}:PASSWORD@HOST:5672/.");
        return (new RabbitMqTransport(new RabbitMqTransportOptions { Url = url }, TimeProvider.System), templated ? Fleet.HostId(host) : Uri.UnescapeDataString(parsed.UserInfo.Split(':')[0]));
    }

    private static async Task<SimulationReport> RunAsync(Fleet fleet, Func<int, (IUsageTransport Transport, string HostId)> open, bool shared, string transport, TimeProvider clock, CancellationToken cancel)
    {
        var sender = new FleetSender(fleet, clock);
        var began = clock.GetTimestamp();
        var totals = await WithProgressAsync(fleet, sender, sender.SendAsync(open, shared, cancel), clock, cancel);
        var seconds = clock.GetElapsedTime(began).TotalSeconds;
        var options = fleet.Options;
        return new SimulationReport(
            options.Hosts, options.Workloads, options.Passes, (decimal)options.Interval.Ticks / TimeSpan.TicksPerSecond, options.Seed, options.From, options.To, transport, fleet.Batches, fleet.Records, sender.Duplicates,
            Math.Round(seconds, 3), Math.Round(fleet.Batches / seconds, 1), Math.Round(fleet.Records / seconds, 1), Committed: true,
            Fleet.Meters.Select((meter, i) => KeyValuePair.Create(meter.Name, meter.Show(totals[i]))).ToDictionary());
    }

    private static async Task<decimal[]> WithProgressAsync(Fleet fleet, FleetSender sender, Task<decimal[]> work, TimeProvider clock, CancellationToken cancel)
    {
        if (Console.IsErrorRedirected) return await work;
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return await console.Progress().AutoClear(true).StartAsync(async progress =>
        {
            var task = progress.AddTask("sending", maxValue: fleet.Batches);
            while (!work.IsCompleted)
            {
                task.Value = sender.Sent;
                await Task.WhenAny(work, Task.Delay(TimeSpan.FromMilliseconds(200), clock, cancel));
            }

            return await work;
        });
    }

    private static void Write(SimulationReport report)
    {
        Tables.WriteFacts(Console.Out,
        [
            ("fleet", string.Create(CultureInfo.InvariantCulture, $"{report.Hosts} hosts × {report.Workloads} workloads × {report.Passes} passes, seed {report.Seed}")),
            ("windows", $"{report.From.UtcDateTime:yyyy-MM-dd HH:mm:ss'Z'} to {report.To.UtcDateTime:yyyy-MM-dd HH:mm:ss'Z'}"),
            ("sent", string.Create(CultureInfo.InvariantCulture, $"{report.Batches:#,##0} batches, {report.Records:#,##0} records by {report.Transport} in {report.Seconds:0.###} s")),
            ("rate", string.Create(CultureInfo.InvariantCulture, $"{report.BatchesPerSecond:#,##0.#} batches/s, {report.RecordsPerSecond:#,##0} records/s")),
            ("committed", report.Duplicates == 0 ? "all" : string.Create(CultureInfo.InvariantCulture, $"all; {report.Duplicates:#,##0} batches were in the ledger already and billed nothing again")),
        ]);
        Console.Out.WriteLine();
        Tables.Write(["meter", "total sent"], report.Totals.Select(total => (IReadOnlyList<string>)[total.Key, total.Value.ToString("#,##0.######", CultureInfo.InvariantCulture)]), new HashSet<int> { 1 });
    }
}
