using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Metering.Cli.Client;

namespace Metering.Cli.Commands;

/// <summary><c>metering usage</c> and <c>metering cost</c>: the same queries as the API.</summary>
internal static class UsageCommand
{
    public static Command Create(string noun)
    {
        var from = new Option<string?>("--from") { Description = "RFC 3339, now, today, 7d, 2026-10; default 1d" };
        var to = new Option<string?>("--to") { Description = "like --from, a month to its end; default now" };
        var step = new Option<string?>("--step") { Description = "total, 15m, hour, day, month" };
        var groupBy = new Option<string>("--group-by") { Description = "comma list of tenant, project, host, kind, workload, label:NAME", DefaultValueFactory = _ => "workload" };
        var filter = new Option<string[]>("--filter") { Description = "tenant:a, kind:docker, label:env=prod; may be repeated" };
        var zone = new Option<string?>("--time-zone") { Description = "IANA zone of days and months; default UTC" };
        var limit = new Option<string>("--limit") { Description = "rows, 1 to 10000; all for a csv or xlsx file", DefaultValueFactory = _ => "1000" };
        var with = new Option<string?>("--with") { Description = "of costs: comma list of trend, unitCosts, idle" };
        var allocation = new Option<string?>("--allocation") { Description = "hosts: shares of what the hosts cost, instead of the price books" };
        allocation.AcceptOnlyFromAmong("hosts");
        var output = OutputFile.Option();
        var (url, key, data, format) = (CommonOptions.Url(), CommonOptions.Key(), CommonOptions.Data(), CommonOptions.ReportFormat());
        var command = new Command(noun, noun == "usage" ? "Shows usage, by workload or by anything else." : "Shows what the usage costs.") { from, to, step, groupBy, filter, zone, limit, url, key, data, format, output };
        if (noun == "cost") command.Options.Add(with);
        if (noun == "cost") command.Options.Add(allocation);
        command.SetAction(async (parsed, cancel) =>
        {
            var query = new List<string>();
            void Add(string name, string? value)
            {
                if (!string.IsNullOrEmpty(value)) query.Add(name + "=" + Uri.EscapeDataString(value));
            }

            Add("from", parsed.GetValue(from));
            Add("to", parsed.GetValue(to));
            Add("step", parsed.GetValue(step));
            Add("groupBy", parsed.GetValue(groupBy));
            Add("timeZone", parsed.GetValue(zone));
            Add("limit", parsed.GetValue(limit));
            if (noun == "cost") Add("with", parsed.GetValue(with));
            if (noun == "cost") Add("allocation", parsed.GetValue(allocation));
            foreach (var one in parsed.GetValue(filter) ?? []) Add("filter", one);
            var path = $"v1/{(noun == "usage" ? "usage" : "costs")}?{string.Join('&', query)}";
            using var client = ApiClient.Create(parsed.GetValue(url), parsed.GetValue(key), parsed.GetValue(data)!);
            if (await OutputFile.TryWriteAsync(client, path, parsed.GetValue(format)!, parsed.GetValue(output), cancel)) return 0;
            Show(noun, await client.GetAsync(path, cancel));
            return 0;
        });
        return command;
    }

    private static void Show(string noun, JsonElement page)
    {
        var rows = page.GetProperty("rows").EnumerateArray().ToList();
        if (rows.Count == 0)
        {
            Console.WriteLine("No usage in this range yet; the first pass only finds where counting begins, the second one bills.");
            return;
        }

        var several = Tables.Text(page, "step") != "total";
        var dimensions = rows[0].GetProperty("key").EnumerateObject().Select(key => key.Name).ToList();
        var header = new List<string>();
        if (several) header.Add("start");
        foreach (var dimension in dimensions) header.AddRange(dimension == "workload" ? ["kind", "workload", "path"] : [dimension]);
        var first = header.Count;
        List<string> parts = rows[0].TryGetProperty("parts", out _) ? [.. rows.SelectMany(row => row.GetProperty("parts").EnumerateObject().Select(part => part.Name)).Distinct(StringComparer.Ordinal)] : [];
        header.AddRange(parts);
        var extras = noun == "cost" ? CostExtras.Of(rows) : [];
        header.AddRange(noun == "usage" ? ["CPU s", "unscraped", "memory GiB·h", "read", "written", "tasks peak", "coverage"] : ["cost", "currency", .. extras.Select(extra => extra.Title)]);
        Tables.Write(header, rows.Select(row => Cells(noun, row, several, dimensions, parts).Concat(extras.Select(extra => extra.Text(row))).ToList()), Enumerable.Range(first, header.Count - first).ToHashSet());
        if (Tables.Text(page, "nextCursor").Length > 0) Console.WriteLine("There is more; raise --limit or narrow the range.");
    }

    private static List<string> Cells(string noun, JsonElement row, bool several, List<string> dimensions, List<string> parts)
    {
        var cells = new List<string>();
        if (several) cells.Add(row.GetProperty("start").GetDateTimeOffset().ToString("yyyy-MM-dd HH:mm'Z'", CultureInfo.InvariantCulture));
        var key = row.GetProperty("key");
        foreach (var dimension in dimensions)
        {
            var value = key.GetProperty(dimension);
            if (dimension == "workload") cells.AddRange([Tables.Text(value, "kind"), Tables.Text(value, "name"), Tables.Text(value, "path")]);
            else cells.Add(Tables.Text(value));
        }

        cells.AddRange(parts.Select(part => Tables.Text(row.GetProperty("parts"), part)));
        if (noun == "cost")
        {
            cells.AddRange([row.GetProperty("cost").ValueKind == JsonValueKind.Null ? "no price" : Money(row.GetProperty("cost")), Tables.Text(row, "currency")]);
            return cells;
        }

        var quantities = row.GetProperty("quantities");
        var memory = quantities.TryGetProperty("memoryByteSeconds", out var byteSeconds) ? (byteSeconds.GetDecimal() / 3600 / (1 << 30)).ToString("#,##0.####", CultureInfo.InvariantCulture) : "–";
        cells.AddRange([OrDash(Tables.Number(quantities, "cpuSeconds")), OrDash(Tables.Number(row, "unscrapedCpuSeconds")), memory, OrDash(Tables.Bytes(quantities, "ioReadBytes")), OrDash(Tables.Bytes(quantities, "ioWriteBytes")),
            OrDash(Tables.Number(quantities, "pidsPeak")), row.TryGetProperty("coverage", out var coverage) && coverage.ValueKind == JsonValueKind.Number ? coverage.GetDecimal().ToString("0.#%", CultureInfo.InvariantCulture) : "–"]);
        return cells;
    }

    // More digits than a decimal has are shown as they came.
    private static string Money(JsonElement cost) => cost.TryGetDecimal(out var value) ? value.ToString("0.00########", CultureInfo.InvariantCulture) : cost.GetRawText();

    // Unknown is not zero.
    private static string OrDash(string text) => text.Length == 0 ? "–" : text;
}
