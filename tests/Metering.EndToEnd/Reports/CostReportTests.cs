using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Numerics;
using System.Text;
using System.Text.Json;
using Metering.EndToEnd.Line;
using Xunit;

namespace Metering.EndToEnd.Reports;

/// <summary>Cost reports over HTTP, in every format, as finance and as a tenant ask for them.</summary>
public sealed class CostReportTests(ReportedWeeks weeks) : IClassFixture<ReportedWeeks>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Trend_unit_cost_and_idle_share_stand_beside_the_costs()
    {
        var rows = (await weeks.Service.GetAsync($"v1/costs?{weeks.Range(7)}&groupBy=tenant&with=trend,unitCosts,idle", Cancel)).GetProperty("rows").EnumerateArray().ToDictionary(row => row.GetProperty("key").GetProperty("tenant").GetString()!);

        var (acme, other) = (rows["acme"], rows["other"]);
        Assert.Equal(7 * 48 * 0.05m, acme.GetProperty("cost").GetDecimal());
        Assert.Equal(0.75m, acme.GetProperty("idleShares").GetProperty("cpuSeconds").GetDecimal());
        Assert.Equal(("Core-Hours", 0.05m), (acme.GetProperty("unitCosts").GetProperty("cpuSeconds").GetProperty("unit").GetString(), acme.GetProperty("unitCosts").GetProperty("cpuSeconds").GetProperty("cost").GetDecimal()));
        Assert.Equal(0m, acme.GetProperty("trend").GetProperty("change").GetDecimal());

        // 10 + … + 16 core-hours after 3 + … + 9.
        var trend = other.GetProperty("trend");
        Assert.Equal((4.55m, 2.10m, 2.45m, 1.166667m), (other.GetProperty("cost").GetDecimal(), trend.GetProperty("previous").GetDecimal(), trend.GetProperty("change").GetDecimal(), trend.GetProperty("changeShare").GetDecimal()));
        Assert.Equal(weeks.Today.AddDays(-14), trend.GetProperty("start").GetDateTimeOffset());
        Assert.False(other.GetProperty("idleShares").TryGetProperty("cpuSeconds", out _), "What reserves nothing has no idle share.");
        Assert.False((await weeks.Service.GetAsync($"v1/costs?{weeks.Range(7)}", Cancel)).GetProperty("rows")[0].TryGetProperty("trend", out _));
        var (status, text, _) = await AnswerAsync("v1/costs?with=trend,forecast&groupBy=nothing");
        Assert.True(status == HttpStatusCode.BadRequest && text.Contains("'with' has 'forecast'", StringComparison.Ordinal) && text.Contains("'groupBy' has 'nothing'", StringComparison.Ordinal), text);
    }

    [Fact]
    public async Task A_forecast_goes_by_the_days_before()
    {
        var page = await weeks.Service.GetAsync("v1/costs/forecast?groupBy=tenant&filter=tenant:acme", Cancel);

        var row = Assert.Single(page.GetProperty("rows").EnumerateArray());
        var (first, end) = (page.GetProperty("from").GetDateTimeOffset(), page.GetProperty("to").GetDateTimeOffset());
        Assert.Equal((1, 1), (first.Day, end.Day));
        var (known, left) = (Math.Min(ReportedWeeks.Days, (weeks.Today - first).Days), (end - weeks.Today).Days);
        var (toDate, forecast) = (row.GetProperty("toDate").GetDecimal(), row.GetProperty("forecast").GetDecimal());
        Assert.Equal(known * 2.4m, toDate);
        Assert.InRange(forecast, toDate + (left - 1) * 2.4m, toDate + left * 2.4m);
    }

    [Fact]
    public async Task A_recommendation_says_what_is_saved_in_money()
    {
        var rows = (await weeks.Service.GetAsync("v1/recommendations", Cancel)).GetProperty("rows").EnumerateArray().ToList();

        // Half a core and 15 % more of two reserved ones, for 720 hours.
        var row = Assert.Single(rows);
        Assert.Equal(("acme", "cpu", "EUR"), (row.GetProperty("tenant").GetString(), row.GetProperty("resource").GetString(), row.GetProperty("currency").GetString()));
        Assert.Equal((2m, 0.5m, 0.58m, 51.12m), (row.GetProperty("reserved").GetDecimal(), row.GetProperty("used95").GetDecimal(), row.GetProperty("suggested").GetDecimal(), row.GetProperty("monthlySaving").GetDecimal()));
    }

    [Fact]
    public async Task Totals_of_more_than_28_digits_are_exact_in_json_and_csv_and_numbers_in_a_workbook()
    {
        var exact = (new BigInteger(ReportedWeeks.BigNano) * 24 * ReportedWeeks.Days * ReportedWeeks.BigPrice).ToString(CultureInfo.InvariantCulture);
        exact = $"{exact[..^19]}.{exact[^19..].TrimEnd('0')}";
        Assert.True(exact.Length > 29, exact);
        var path = $"v1/costs?{weeks.Range(ReportedWeeks.Days)}&groupBy=tenant&filter=tenant:big&with=unitCosts,idle";

        await weeks.PutAsync("v1/tenants/big", new { name = "Big", currency = "EUR", priceBook = "dear" });
        var (status, json, _) = await AnswerAsync(path);

        Assert.True(status == HttpStatusCode.OK, json);
        Assert.Contains($"\"cost\":{exact},", json);
        Assert.Contains($",{exact},", (await AnswerAsync(path + "&format=csv")).Text);
        Assert.Equal(Math.Round(decimal.Parse(exact[..25], CultureInfo.InvariantCulture), 2), Math.Round((decimal)Assert.Single(await SheetAsync(path))["cost"], 2));
        foreach (var other in (string[])[$"v1/costs?{weeks.Range(8)}&groupBy=workload&with=trend,unitCosts,idle", "v1/costs/forecast?groupBy=tenant", "v1/recommendations", $"v1/costs?{weeks.Range(ReportedWeeks.Days)}&step=hour&filter=tenant:big", $"v1/costs?{weeks.Range(ReportedWeeks.Days)}"])
        {
            foreach (var format in (string[])["json", "csv", "xlsx"])
            {
                var answer = await AnswerAsync(other + (other.Contains('?', StringComparison.Ordinal) ? "&" : "?") + "format=" + format);
                Assert.True(answer.Status == HttpStatusCode.OK, $"{other} {format}: {answer.Text}");
            }
        }

        await weeks.PutAsync("v1/tenants/big", new { name = "Big", currency = "EUR", priceBook = "standard" });
    }

    [Fact]
    public async Task Every_row_is_given_out_at_once_as_csv_and_not_as_json()
    {
        var path = $"v1/costs?{weeks.Range(ReportedWeeks.Days)}&step=hour&groupBy=workload&limit=all";

        var (_, text, type) = await AnswerAsync(path + "&format=csv");

        var rows = Csv.Parse(text);
        Assert.Equal(("text/csv", 3 * 24 * ReportedWeeks.Days), (type, rows.Count - 1));
        var (tenant, cost) = (rows[0].IndexOf("workloadPath"), rows[0].IndexOf("cost"));
        Assert.Equal(ReportedWeeks.Days * 2.4m, rows.Where(row => row[tenant] == "/a").Sum(row => decimal.Parse(row[cost], CultureInfo.InvariantCulture)));
        Assert.Equal(3 * 24 * ReportedWeeks.Days, (await SheetAsync(path)).Count);
        var (status, refused, _) = await AnswerAsync(path);
        Assert.True(status == HttpStatusCode.BadRequest && refused.Contains("take the pages by 'cursor'", StringComparison.Ordinal), refused);
    }

    [Theory]
    [InlineData("usage?{0}&groupBy=workload", "cpuSeconds", 691_200.0)]
    [InlineData("costs?{0}&groupBy=workload&with=trend,unitCosts,idle", "cost", 38.4)]
    [InlineData("costs/forecast?groupBy=workload", null, 0.0)]
    [InlineData("recommendations?limit=1000", "monthlySaving", 51.12)]
    [InlineData("costs?allocation=hosts&{0}&groupBy=workload,tenant", "cpu", 72.0)]
    public async Task A_workbook_of_any_report_has_numbers_and_hostile_text_stays_text(string report, string? column, double value)
    {
        var path = "v1/" + string.Format(CultureInfo.InvariantCulture, report, weeks.Range(ReportedWeeks.Days));

        var rows = await SheetAsync(path);
        var csv = Csv.Parse((await AnswerAsync(path + "&format=csv")).Text);

        var row = Assert.Single(rows, row => row.GetValueOrDefault("workloadPath") is "/a");
        Assert.Equal(ReportedWeeks.Name, row["workloadName"]);
        if (column is not null) Assert.Equal((decimal)value, Assert.IsType<decimal>(row[column]));
        Assert.Equal(csv.Count - 1, rows.Count);
        var name = csv.Single(line => line.Contains("/a"))[csv[0].IndexOf("workloadName")];
        Assert.False(name.StartsWith('='), name);
        Assert.EndsWith(ReportedWeeks.Name, name);
    }

    [Theory]
    [InlineData("usage?{0}&groupBy=tenant,workload")]
    [InlineData("costs?{0}&groupBy=tenant,workload&with=trend,unitCosts,idle")]
    [InlineData("costs?{0}&groupBy=tenant")]
    [InlineData("costs/forecast?groupBy=tenant")]
    [InlineData("recommendations?limit=1000")]
    [InlineData("costs?allocation=hosts&{0}&groupBy=tenant")]
    [InlineData("invoices?state=draft")]
    public async Task A_tenants_key_sees_itself_in_every_report_and_format(string report)
    {
        var path = "v1/" + string.Format(CultureInfo.InvariantCulture, report, weeks.Range(ReportedWeeks.Days));
        var isInvoices = report.StartsWith("invoices", StringComparison.Ordinal);
        foreach (var format in isInvoices ? (string[])["json", "csv"] : ["json", "csv", "xlsx"])
        {
            foreach (var query in (string[])[$"{path}&format={format}", $"{path}&format={format}&{(isInvoices ? "tenant=other" : "filter=tenant:other")}"])
            {
                var answer = await AnswerAsync(query, weeks.KeyOfAcme);
                Assert.True(answer.Status == HttpStatusCode.OK, $"{query}: {answer.Text}");
                var text = format == "xlsx" ? string.Join('\n', SheetReader.Read(answer.Bytes).SelectMany(row => row.Values)) : answer.Text;
                Assert.Equal(query.EndsWith("other", StringComparison.Ordinal) ? 0 : 1, text.Contains("acme", StringComparison.Ordinal) ? 1 : 0);
                foreach (var foreign in (string[])["big", "/o", "__idle__"]) Assert.DoesNotContain(foreign, text);
                Assert.DoesNotContain("other", text);
            }
        }

        var mine = await AnswerAsync("v1/reports", weeks.KeyOfAcme);
        Assert.Equal(HttpStatusCode.Forbidden, mine.Status);
    }

    [Fact]
    public async Task A_draft_is_what_the_month_shows_has_no_number_and_says_so_in_every_format()
    {
        var list = (await weeks.Service.GetAsync("v1/invoices?state=draft", Cancel)).GetProperty("invoices").EnumerateArray().ToList();
        var entry = list.Last(one => one.GetProperty("tenant").GetString() == "acme");
        var (id, month) = (entry.GetProperty("id").GetString()!, entry.GetProperty("period").GetString()!);
        Assert.Equal(($"draft-{month}.acme.EUR", "draft"), (id, entry.GetProperty("state").GetString()));
        Assert.Empty((await weeks.Service.GetAsync("v1/invoices", Cancel)).GetProperty("invoices").EnumerateArray());
        Assert.Empty((await weeks.Service.GetAsync("v1/invoices?state=issued", Cancel)).GetProperty("invoices").EnumerateArray());

        var shown = (await weeks.Service.GetAsync("v1/periods/" + month, Cancel)).GetProperty("documents").EnumerateArray().Single(one => one.GetProperty("tenant").GetProperty("id").GetString() == "acme");
        var (_, json, _) = await AnswerAsync("v1/invoices/" + id);
        var draft = JsonSerializer.Deserialize<JsonElement>(json);
        Assert.Equal(("draft", 0, shown.GetProperty("total").GetDecimal()), (draft.GetProperty("state").GetString(), draft.GetProperty("number").GetInt32(), draft.GetProperty("total").GetDecimal()));
        Assert.Equal((id, entry.GetProperty("total").GetDecimal()), (shown.GetProperty("id").GetString(), draft.GetProperty("total").GetDecimal()));
        Assert.True(draft.GetProperty("total").GetDecimal() > 0);

        var (_, page, _) = await AnswerAsync($"v1/invoices/{id}?format=html");
        foreach (var part in (string[])["<h1>Draft invoice</h1>", "DRAFT. Not issued, not to be paid", "none, a draft"]) Assert.Contains(part, page);
        foreach (var part in (string[])["Please pay", "SHA-256", "Total to pay"]) Assert.DoesNotContain(part, page);
        Assert.All(Csv.Parse((await AnswerAsync($"v1/invoices/{id}?format=csv")).Text).Skip(1), row => Assert.Equal(id, row[0]));
        var facts = await SheetAsync("v1/invoices/" + id);
        Assert.Contains(facts, row => row["What"] is "DRAFT, no number");
        Assert.Contains(facts, row => row["What"] is "State" && row["Text"] is "draft");
        Assert.Equal("draft", (await weeks.Service.GetAsync($"v1/invoices/{id}/state", Cancel)).GetProperty("state").GetString());

        foreach (var (path, key) in new[] { ($"v1/invoices/draft-{month}.other.EUR", weeks.KeyOfAcme), ($"v1/invoices/draft-{month}.nobody.EUR", null), ("v1/invoices/draft-x", null) }) Assert.Equal(HttpStatusCode.NotFound, (await AnswerAsync(path, key)).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await AnswerAsync("v1/invoices?state=open")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await AnswerAsync("v1/invoices?period=October")).Status);
    }

    private async Task<List<Dictionary<string, object>>> SheetAsync(string path)
    {
        var (status, bytes, type) = await BytesAsync(path + (path.Contains('?') ? "&" : "?") + "format=xlsx", null);
        Assert.True((status, type) == (HttpStatusCode.OK, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"), Encoding.UTF8.GetString(bytes));
        return SheetReader.Read(bytes);
    }

    private async Task<(HttpStatusCode Status, string Text, string? Type)> AnswerAsync(string path)
    {
        var (status, bytes, type) = await BytesAsync(path, null);
        return (status, Encoding.UTF8.GetString(bytes), type);
    }

    private async Task<(HttpStatusCode Status, string Text, byte[] Bytes)> AnswerAsync(string path, string? key)
    {
        var (status, bytes, _) = await BytesAsync(path, key);
        return (status, Encoding.UTF8.GetString(bytes), bytes);
    }

    private async Task<(HttpStatusCode Status, byte[] Bytes, string? Type)> BytesAsync(string path, string? key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(path, UriKind.Relative));
        if (key is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        using var response = await weeks.Service.Client.SendAsync(request, Cancel);
        return (response.StatusCode, await response.Content.ReadAsByteArrayAsync(Cancel), response.Content.Headers.ContentType?.MediaType);
    }
}
