using Metering.Service.Quotas;
using Metering.Service.Tenants;
using Metering.Tests.Support;
using Xunit;

namespace Metering.Tests.Ledger;

/// <summary>The rule for usage that comes late: it counts in the window in which it was used, and says each thing once.</summary>
public abstract partial class LedgerContract
{
    [Fact]
    public async Task Late_usage_that_crosses_in_a_window_that_has_ended_fires_and_is_resolved_at_once_with_that_windows_bounds()
    {
        var clock = new FakeClock(Start.AddMinutes(10));
        await Put(clock, "late", new Quota { Subject = new QuotaSubject { Fleet = true }, Meter = "cpuSeconds", Window = "hour", Limit = 100, Thresholds = [50, 100] });
        await Write(clock, Timed(1, Start, 40_000_000));
        clock.Advance(TimeSpan.FromHours(1));
        await Keeper(clock).TickAsync(Cancel);
        Assert.Empty(await Told("late"));

        // 8:00 to 9:00 has ended; 30 s of it come at 9:10.
        await Write(clock, Timed(2, Start.AddMinutes(30), 30_000_000));
        Assert.Equal(["50 firing 70 of 08:00-09:00", "50 resolved 70 of 08:00-09:00"], await Told("late"));

        // It is told once: what comes then says nothing of 50 %, and 100 % has its own turn.
        await Write(clock, Timed(3, Start.AddMinutes(40), 10_000_000));
        await Keeper(clock).TickAsync(Cancel);
        Assert.Equal(2, (await Told("late")).Count);
        await Write(clock, Timed(4, Start.AddMinutes(50), 40_000_000));
        Assert.Equal(["100 firing 120 of 08:00-09:00", "100 resolved 120 of 08:00-09:00"], (await Told("late")).Skip(2));

        // The open window has nothing of it, and fires by itself.
        Assert.Equal(0m, (await Values(clock)).Single().Value);
        await Write(clock, Timed(5, Start.AddHours(1), 60_000_000));
        Assert.Equal("50 firing 60 of 09:00-10:00", (await Told("late"))[^1]);
    }

    [Fact]
    public async Task Late_usage_of_the_last_minute_of_a_window_still_fires_as_if_the_window_were_open()
    {
        var clock = new FakeClock(Start.AddMinutes(60).AddSeconds(30));
        await Put(clock, "late", new Quota { Subject = new QuotaSubject { Fleet = true }, Meter = "cpuSeconds", Window = "hour", Limit = 100 });

        // Agents have a minute to send what the window had.
        await Write(clock, Timed(1, Start.AddMinutes(59).AddSeconds(50), 100_000_000));
        Assert.Equal(["100 firing 100 of 08:00-09:00"], await Told("late"));
        clock.Advance(TimeSpan.FromSeconds(30));
        await Keeper(clock).TickAsync(Cancel);
        Assert.Equal("100 resolved 100 of 08:00-09:00", (await Told("late"))[^1]);
    }

    [Fact]
    public async Task Usage_that_is_60_days_late_counts_and_is_told_no_more()
    {
        var clock = new FakeClock(Start.AddMinutes(10));
        await Put(clock, "late", new Quota { Subject = new QuotaSubject { Fleet = true }, Meter = "cpuSeconds", Window = "hour", Limit = 100 });

        await Write(clock, Timed(1, Start.AddDays(-60).AddHours(-1), 200_000_000));
        Assert.Empty(await Told("late"));
        Assert.Equal([200_000_000], await Used("late", Start));
        await Write(clock, Timed(2, Start.AddDays(-59), 200_000_000));
        Assert.Equal(2, (await Told("late")).Count);
    }

    [Fact]
    public async Task What_crosses_a_threshold_backwards_leaves_it_firing_until_the_window_ends_and_fires_nothing_again()
    {
        var clock = new FakeClock(Start.AddMinutes(10));
        await Rules(new OwnershipRule { Match = new OwnershipMatch { Name = "web" }, Tenant = "other" }, new OwnershipRule { Match = new OwnershipMatch { Path = "*" }, Tenant = "t" });
        foreach (var tenant in (string[])["t", "other"]) await Change($"INSERT INTO tenant (id, name, time_zone, currency, price_book) VALUES ('{tenant}', '{tenant}', 'UTC', 'EUR', '')");
        foreach (var tenant in (string[])["t", "other"]) await Put(clock, tenant, new Quota { Subject = new QuotaSubject { Tenant = tenant }, Meter = "cpuSeconds", Window = "hour", Limit = 100, Thresholds = [50] });
        await Write(clock, Named(1, 0, Short, 60_000_000));
        Assert.Equal(["50 firing 60 of 08:00-09:00"], await Told("t"));

        // Its name comes late: all of it was the other tenant's, whose quota it crosses now.
        await Write(clock, Named(2, 0, "web", 1_000_000));
        Assert.Equal([("other", 61m), ("t", 0)], await Values(clock));
        Assert.Equal(["50 firing 60 of 08:00-09:00"], await Told("t"));
        Assert.Equal(["50 firing 60 of 08:00-09:00"], await Told("other"));

        // Up again over the threshold that has fired in this window.
        await Write(clock, Batch(3, ("/a", 70_000_000)));
        await Keeper(clock).TickAsync(Cancel);
        Assert.Single(await Told("t"));
        clock.Advance(TimeSpan.FromHours(1));
        await Keeper(clock).TickAsync(Cancel);
        Assert.Equal("50 resolved 70 of 08:00-09:00", (await Told("t"))[^1]);
        Assert.Equal(4, await Count("alert"));
    }

    private async Task<List<string>> Told(string quota) => (await History(quota)).ConvertAll(entry =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{entry.Crossing.Threshold:0} {entry.Crossing.State} {entry.Crossing.Value:0} of {entry.Crossing.WindowStart:HH:mm}-{entry.Crossing.WindowEnd:HH:mm}"));
}
