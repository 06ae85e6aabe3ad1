using System.CommandLine;
using Metering.Cli.Client;
using Metering.Cli.Exports;
using Metering.Safety;
using Metering.Service.Focus;

namespace Metering.Cli.Commands;

/// <summary><c>export focus</c>: a month for FinOps tools. Exit 0 written, and conforming if it was checked; 1 a rule is broken or it could not be written; 2 wrong use.</summary>
internal static class ExportCommand
{
    /// <summary>What the options say.</summary>
    private sealed record Wish(string Query, FocusRequest Request, bool IsSelection, string? Output, bool Gzip, bool Check)
    {
        /// <summary>What is asked of the service to describe the files.</summary>
        public string Metadata => $"v1/exports/focus?{Query}&dataset=metadata&of={Request.Dataset.Name}";

        public bool IsDirectory => Output is not null && (Output.EndsWith('/') || Directory.Exists(Output));

        /// <summary>The path of a file in the directory.</summary>
        public string File(string name) => Path.Combine(Output!, $"focus-{Request.Period}-{name}");
    }

    public static Command Create()
    {
        var command = new Command("export", "Months in formats of others.");
        command.Subcommands.Add(Focus());
        return command;
    }

    private static Command Focus()
    {
        var (url, key, data) = (CommonOptions.Url(), CommonOptions.Key(), CommonOptions.Data());
        var period = new Option<string?>("--period") { Description = "The month, such as 2026-10; an open month is shown as it would be billed now", HelpName = "YYYY-MM" };
        var profile = new Option<string>("--profile") { Description = "Version of FOCUS: 1.4 or 1.2", DefaultValueFactory = _ => "1.4", HelpName = "VERSION" };
        var dataset = new Option<string?>("--dataset") { Description = "cost-and-usage, billing-period, invoice-detail or metadata; default: all of them into a directory, else cost-and-usage", HelpName = "NAME" };
        var grain = new Option<string>("--grain") { Description = "hour or day", DefaultValueFactory = _ => "hour", HelpName = "GRAIN" };
        var columns = new Option<string?>("--columns") { Description = "Comma list; default all of the profile", HelpName = "NAMES" };
        var gzip = new Option<bool>("--gzip") { Description = "Compresses; implied by an output that ends in .gz" };
        var output = new Option<string?>("--output", "-o") { Description = "A file; or a directory, which gets every dataset, the metadata and the report of the check; default standard output", HelpName = "FILE|DIR/" };
        var check = new Option<bool>("--check") { Description = "Checks every rule over the bytes as they come; exit 1 if one is broken. Always done into a directory" };
        var command = new Command("focus", "A month in the FinOps Open Cost and Usage Specification (FOCUS), as CSV: every charge, hour by hour or day by day, with discounts, commitments, credits, tax and corrections.")
            { period, profile, dataset, grain, columns, gzip, output, check, url, key, data };
        command.SetAction(async (parsed, cancel) =>
        {
            var wish = Read(parsed.GetValue(period), parsed.GetValue(profile)!, parsed.GetValue(dataset), parsed.GetValue(grain)!, parsed.GetValue(columns), parsed.GetValue(gzip), parsed.GetValue(output), parsed.GetValue(check));
            using var client = ApiClient.Create(parsed.GetValue(url), parsed.GetValue(key), parsed.GetValue(data)!);
            if (parsed.GetValue(dataset) == "metadata") return await MetadataAsync(client, wish, cancel);
            if (wish.IsDirectory) return await DirectoryAsync(client, wish, parsed.GetValue(dataset), cancel);
            return await FileAsync(client, wish, cancel);
        });
        return command;
    }

    // Everything that is wrong is told at once, before the service is asked.
    private static Wish Read(string? period, string profile, string? dataset, string grain, string? columns, bool gzip, string? output, bool check)
    {
        var faults = new List<string>();
        var request = FocusRequest.From(period, profile, dataset == "metadata" ? null : dataset, grain, columns, null, faults);
        gzip |= output?.EndsWith(".gz", StringComparison.Ordinal) == true;
        if (dataset == "metadata" && gzip) faults.Add("'--gzip' is for tables; metadata is JSON and written as it is.");
        if (dataset == "metadata" && check) faults.Add("'--check' is for tables; there is nothing to check in metadata.");
        if (request is null || faults.Count > 0) throw UserErrorException.Usage(string.Join("\n  ", faults.Select(Named).Prepend("The export can not be made:")));
        var query = $"period={request.Period}&version={request.Profile.Version}&grain={grain}" + (string.IsNullOrEmpty(columns) ? "" : "&columns=" + Uri.EscapeDataString(columns));
        return new Wish(query, request, !string.IsNullOrEmpty(columns), output, gzip, check);
    }

    private static string Named(string fault) => fault.Replace("'version'", "'--profile'", StringComparison.Ordinal).Replace("'period'", "'--period'", StringComparison.Ordinal).Replace("'dataset'", "'--dataset'", StringComparison.Ordinal)
        .Replace("'grain'", "'--grain'", StringComparison.Ordinal).Replace("'columns'", "'--columns'", StringComparison.Ordinal).Replace(", metadata or conformance", " or metadata", StringComparison.Ordinal);

    private static async Task<int> FileAsync(ApiClient client, Wish wish, CancellationToken cancel)
    {
        var checker = wish.Check ? new FocusChecker(wish.Request.Profile, wish.IsSelection) : null;
        var download = new FocusDownload(client, wish.Query, checker, Progress());
        if (checker is not null) await BeforeAsync(client, wish, checker, cancel);
        if (wish.Output is null)
        {
            await using var standard = Console.OpenStandardOutput();
            await download.CopyAsync(wish.Request.Dataset, standard, wish.Gzip, cancel);
        }
        else
        {
            await using var file = Open(wish.Output);
            var rows = await download.CopyAsync(wish.Request.Dataset, file.Stream, wish.Gzip, cancel);
            await file.CompleteAsync(cancel);
            file.Publish();
            await Console.Error.WriteLineAsync(FormattableString.Invariant($"{wish.Output}: {rows:#,##0} rows of {wish.Request.Dataset.Name}"));
        }

        return checker is null ? 0 : Tell(checker.Report());
    }

    // Sums are checked against the small datasets, so these come first.
    private static async Task BeforeAsync(ApiClient client, Wish wish, FocusChecker checker, CancellationToken cancel)
    {
        var quiet = new FocusDownload(client, $"period={wish.Request.Period}&version={wish.Request.Profile.Version}", checker, new ExportProgress(TextWriter.Null, false, TimeProvider.System));
        foreach (var dataset in FocusDataset.Of(wish.Request.Profile).TakeWhile(one => one != wish.Request.Dataset)) await quiet.CopyAsync(dataset, null, false, cancel);
    }

    private static async Task<int> MetadataAsync(ApiClient client, Wish wish, CancellationToken cancel)
    {
        var text = await client.GetTextAsync(wish.Metadata, cancel);
        if (wish.IsDirectory) Directory.CreateDirectory(wish.Output!);
        if (wish.Output is null) Console.Out.WriteLine(text);
        else await TextAsync(wish.IsDirectory ? wish.File("metadata.json") : wish.Output, text, cancel);
        return 0;
    }

    // All files are whole before the first has its name.
    private static async Task<int> DirectoryAsync(ApiClient client, Wish wish, string? only, CancellationToken cancel)
    {
        Directory.CreateDirectory(wish.Output!);
        var checker = new FocusChecker(wish.Request.Profile, wish.IsSelection);
        var (download, files) = (new FocusDownload(client, wish.Query, checker, Progress()), new List<PendingFile>());
        try
        {
            foreach (var dataset in FocusDataset.Of(wish.Request.Profile))
            {
                // Chosen columns are those of one dataset; the others keep all of theirs.
                var source = wish.IsSelection && dataset != wish.Request.Dataset ? new FocusDownload(client, $"period={wish.Request.Period}&version={wish.Request.Profile.Version}&grain={(wish.Request.Grain == FocusGrain.Day ? "day" : "hour")}", checker, Progress()) : download;
                if (only is not null && only != dataset.Name)
                {
                    if (dataset != FocusDataset.CostAndUsage) await source.CopyAsync(dataset, null, false, cancel);
                    continue;
                }

                var path = wish.File($"{dataset.Name}.csv{(wish.Gzip ? ".gz" : "")}");
                var file = Open(path);
                files.Add(file);
                var rows = await source.CopyAsync(dataset, file.Stream, wish.Gzip, cancel);
                await file.CompleteAsync(cancel);
                await Console.Error.WriteLineAsync(FormattableString.Invariant($"{path}: {rows:#,##0} rows"));
            }

            var report = checker.Report();
            await AddTextAsync(files, wish.File("metadata.json"), await client.GetTextAsync(wish.Metadata, cancel), cancel);
            await AddTextAsync(files, wish.File("conformance.json"), report.Json(), cancel);
            foreach (var file in files) file.Publish();
            return Tell(report);
        }
        finally
        {
            foreach (var file in files) await file.DisposeAsync();
        }
    }

    private static async Task AddTextAsync(List<PendingFile> files, string path, string text, CancellationToken cancel)
    {
        var file = Open(path);
        files.Add(file);
        await file.Stream.WriteAsync(System.Text.Encoding.UTF8.GetBytes(text + "\n"), cancel);
        await file.CompleteAsync(cancel);
    }

    private static async Task TextAsync(string path, string text, CancellationToken cancel)
    {
        await using var file = Open(path);
        await file.Stream.WriteAsync(System.Text.Encoding.UTF8.GetBytes(text + "\n"), cancel);
        await file.CompleteAsync(cancel);
        file.Publish();
    }

    private static PendingFile Open(string path)
    {
        try
        {
            return new PendingFile(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"'{path}' can not be written ({e.Message.TrimEnd('.')}); give another --output.", inner: e);
        }
    }

    private static int Tell(FocusConformance report)
    {
        foreach (var finding in report.Findings.Where(finding => finding.Violations > 0))
            Console.Error.WriteLine(FormattableString.Invariant($"{finding.Rule}: {finding.Statement}: {finding.Violations:#,##0} violations, the first in {Tables.Inert(finding.First ?? "")}"));
        Console.Error.WriteLine(report.Conforms ? $"Conforms to FOCUS {report.FocusVersion}: {report.Rules} rules hold." : $"Does not conform to FOCUS {report.FocusVersion}: {report.Violated} of {report.Rules} rules are broken.");
        return report.Conforms ? 0 : 1;
    }

    private static ExportProgress Progress() => new(Console.Error, !Console.IsErrorRedirected, TimeProvider.System);
}
