using System.CommandLine;
using System.Text.Json;
using Metering.Agent;
using Metering.Agent.Accounting;
using Metering.Agent.Cgroups;
using Metering.Cli.Client;
using Metering.Cli.Doctor;
using Metering.Safety;

namespace Metering.Cli.Commands;

/// <summary><c>metering doctor</c>: what this host can meter and why not more; with <c>--passes</c>, what passes cost here.</summary>
internal static class DoctorCommand
{
    private const int MaxPasses = 1_000_000;

    public static Command Create()
    {
        var root = new Option<string?>("--cgroup-root") { Description = "The cgroup2 tree; default from /proc/self/mountinfo", HelpName = "PATH" };
        var passes = new Option<int?>("--passes") { Description = "Measure N passes back to back, with nothing pruned and pruned; prints JSON only", HelpName = "N" };
        var meters = new Option<string?>("--meters") { Description = "With --passes: comma list of " + string.Join(", ", PassBenchmark.Families.Order()) + "; default all", HelpName = "LIST" };
        var (url, key, data, format) = (CommonOptions.Url(), CommonOptions.Key(), CommonOptions.Data(), CommonOptions.TableOrJson());
        var command = new Command("doctor", "Tells what this host can meter and why not more, and checks clock, journal, broker, store and service. Exit 1 when something must be put right.") { root, passes, meters, data, url, key, format };
        command.SetAction(async (parsed, cancel) =>
        {
            if (parsed.GetValue(passes) is { } count) return Measure(parsed.GetValue(root), count, parsed.GetValue(meters));
            if (parsed.GetValue(meters) is not null) throw UserErrorException.Usage("--meters chooses what --passes N reads; give both.");
            var directory = parsed.GetValue(data)!;
            var settings = AgentConfiguration.Load(directory);
            var families = new List<MeterCheck>();
            var checks = new HostChecks(parsed.GetValue(root) ?? settings.Text("Agent:CgroupRoot"), [.. (settings.Text("Enforcement:Actions") ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Where(Metering.Enforcement.EnforcementActions.ByName.ContainsKey)]).Run(families).ToList();
            var service = parsed.GetValue(url) ?? (Environment.GetEnvironmentVariable("METERING_URL") is { Length: > 0 } given ? given : CommonOptions.DefaultUrl);
            checks.AddRange(await new SurroundingChecks(settings, directory, service, TimeProvider.System).RunAsync(cancel));
            if (checks.Exists(check => check is { Name: "service", State: CheckState.Ok })) checks.AddRange(await new RunningChecks(settings, directory, TimeProvider.System).RunAsync(service, parsed.GetValue(key), cancel));
            var ok = checks.TrueForAll(check => check.State != CheckState.Failure);
            if (parsed.GetValue(format) == "json") WriteJson(ok, checks, families);
            else WriteTables(ok, checks, families);
            return ok ? 0 : 1;
        });
        return command;
    }

    private static int Measure(string? root, int passes, string? meters)
    {
        if (passes is < 1 or > MaxPasses) throw UserErrorException.Usage($"--passes is {passes}; it must be 1 to {MaxPasses}.");
        var families = meters is null ? PassBenchmark.Families : meters.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).ToHashSet(StringComparer.Ordinal);
        if (families.FirstOrDefault(family => !PassBenchmark.Families.Contains(family)) is { } unknown) throw UserErrorException.Usage($"--meters names '{Tables.Inert(unknown)}'; it is a comma list of {string.Join(", ", PassBenchmark.Families.Order())}.");
        if (families.Count == 0) throw UserErrorException.Usage("--meters is empty; leave it out to read all.");
        if (root is not null && !Directory.Exists(root)) throw UserErrorException.Usage($"--cgroup-root is '{Tables.Inert(root)}', where there is no directory; give the mount point of a cgroup2 tree.");
        Console.Out.WriteLine(JsonSerializer.Serialize(PassBenchmark.Run(root ?? CgroupMounts.Read().Unified, passes, families), CliJson.Compact));
        return 0;
    }

    private static void WriteJson(bool ok, List<Check> checks, List<MeterCheck> meters) => Console.Out.WriteLine(JsonSerializer.Serialize(
        new
        {
            ok,
            checks = checks.Select(check => new { check.Name, State = check.State.ToString().ToLowerInvariant(), check.Finding, check.Remedy }),
            meters,
        }, CliJson.Indented));

    private static void WriteTables(bool ok, List<Check> checks, List<MeterCheck> meters)
    {
        // Plain lines, each with its remedy below it: findings are sentences, and a table would cut them.
        Console.Out.WriteLine("Checks");
        foreach (var check in checks)
        {
            Console.Out.WriteLine($"  {Sign(check.State)} {check.Name,-15} {Tables.Inert(check.Finding)}");
            if (check.Remedy is { } remedy) Console.Out.WriteLine($"    {"",-15} → {Tables.Inert(remedy)}");
        }

        if (meters.Count > 0) Console.Out.WriteLine("\nMeters");
        foreach (var meter in meters) Console.Out.WriteLine($"  {Sign(meter.Availability)} {meter.Family,-15} {meter.Availability,-12} {Tables.Inert(meter.Reason)}");
        var warnings = checks.Count(check => check.State == CheckState.Warning);
        Console.Out.WriteLine(!ok ? "\nSomething marked ✗ must be put right: until then this host is not metered, or not exactly."
            : warnings > 0 ? $"\nThis host can be metered; {warnings} {(warnings == 1 ? "line" : "lines")} marked ! could be better." : "\nThis host can be metered.");
    }

    private static string Sign(CheckState state) => state switch { CheckState.Ok => Tint.Paint("green", "✓"), CheckState.Warning => Tint.Paint("magenta", "!"), _ => Tint.Paint("red", "✗") };

    private static string Sign(string availability) => availability switch { "exact" => Tint.Paint("green", "✓"), "unavailable" => "–", _ => Tint.Paint("magenta", "!") };
}
