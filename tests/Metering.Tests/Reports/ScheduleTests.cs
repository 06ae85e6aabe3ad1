using Metering.Service.Reports.Schedules;
using Metering.Tests.Support;
using NodaTime;
using Xunit;

namespace Metering.Tests.Reports;

public sealed class ScheduleTests
{
    private static readonly DateTimeZone Berlin = DateTimeZoneProviders.Tzdb["Europe/Berlin"];

    [Fact]
    public void A_day_has_one_occurrence_whatever_the_clocks_do()
    {
        var nightly = new ReportSchedule { Every = "day", At = "02:30" };

        // Clocks are set back on 25 October (02:30 comes twice) and forward on 28 March (02:30 is skipped).
        Assert.Equal(["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"], Due(nightly, "2026-10-24T00:00:00Z", "2026-10-26T12:00:00Z"));
        Assert.Equal(["2027-03-27T01:30:00Z", "2027-03-28T01:30:00Z", "2027-03-29T00:30:00Z"], Due(nightly, "2027-03-27T00:00:00Z", "2027-03-29T12:00:00Z"));
    }

    [Fact]
    public void Weeks_and_months_are_due_on_their_day_and_not_twice()
    {
        Assert.Equal(["2026-11-02T05:00:00Z", "2026-11-09T05:00:00Z"], Due(new ReportSchedule { Every = "week", At = "06:00", Weekday = "monday" }, "2026-11-01T00:00:00Z", "2026-11-09T05:00:00Z"));
        Assert.Equal(["2026-12-01T05:00:00Z"], Due(new ReportSchedule { Every = "month", At = "06:00" }, "2026-11-01T05:00:00Z", "2026-12-31T00:00:00Z"));
    }

    [Theory]
    [InlineData("../x")]
    [InlineData("a/../../x")]
    [InlineData("/etc")]
    [InlineData("a//b")]
    [InlineData(".hidden")]
    [InlineData("a\\..\\b")]
    public void A_directory_stays_below_its_root(string directory)
    {
        var schedule = new ReportSchedule { Report = "costs", Format = "csv", Every = "day", At = "06:00", Directory = directory };
        Assert.Contains("directory", Assert.Single(ScheduleRules.Check("s", schedule, new HashSet<string>(), new HashSet<string>())).Field);
    }

    [Fact]
    public void All_faults_are_told_at_once()
    {
        var faults = ScheduleRules.Check("../x", new ReportSchedule { Report = "x", Format = "pdf", Every = "hour", At = "25:00", TimeZone = "Mars", Tenant = "t", Webhook = "w", Weekday = "monday", Day = 31 }, new HashSet<string>(), new HashSet<string>());
        Assert.Equal(["", "at", "day", "every", "format", "report", "tenant", "timeZone", "webhook", "weekday"], faults.Select(fault => fault.Field).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_file_is_whole_and_no_link_leads_out()
    {
        var root = Directory.CreateDirectory(Path.Combine(Scratch.Root, "metering-delivery-" + Path.GetRandomFileName())).FullName;
        try
        {
            var directory = new DeliveryDirectory(Path.Combine(root, "reports"));
            await directory.WriteAsync("a/b", "x.csv", "1"u8.ToArray(), TestContext.Current.CancellationToken);
            await directory.WriteAsync("a/b", "x.csv", "12"u8.ToArray(), TestContext.Current.CancellationToken);
            Assert.Equal("12", await File.ReadAllTextAsync(Path.Combine(root, "reports/a/b/x.csv"), TestContext.Current.CancellationToken));
            Assert.Single(Directory.GetFiles(Path.Combine(root, "reports/a/b")));

            Directory.CreateSymbolicLink(Path.Combine(root, "reports/out"), root);
            Assert.Contains("is a link", (await Assert.ThrowsAsync<IOException>(() => directory.WriteAsync("out", "x.csv", "1"u8.ToArray(), TestContext.Current.CancellationToken))).Message);
            await Assert.ThrowsAsync<IOException>(() => directory.WriteAsync("..", "x.csv", "1"u8.ToArray(), TestContext.Current.CancellationToken));
            Assert.False(File.Exists(Path.Combine(root, "x.csv")));
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    private static IEnumerable<string> Due(ReportSchedule schedule, string after, string until) => ScheduleRules.Due(schedule, Berlin, DateTimeOffset.Parse(after, null).ToUnixTimeSeconds(), DateTimeOffset.Parse(until, null).ToUnixTimeSeconds())
        .Select(at => DateTimeOffset.FromUnixTimeSeconds(at).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture));
}
