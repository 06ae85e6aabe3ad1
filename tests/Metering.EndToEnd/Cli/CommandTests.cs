using System.Diagnostics;
using System.Text.Json;
using Metering.EndToEnd.Servers;
using Metering.Tests.Support;
using Xunit;

namespace Metering.EndToEnd.Cli;

/// <summary>The client commands against a real <c>metering up</c>.</summary>
public sealed class CommandTests(MeteringUp up) : IClassFixture<MeteringUp>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; exit 7", 7)]
    [InlineData("true", 0)]
    [InlineData("for i in 1 2 3; do sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done' & done; wait", 0)]
    [InlineData("kill -9 $$", 137)]
    public async Task A_receipt_agrees_with_the_kernel_to_the_microsecond(string script, int code)
    {
        MeteringUp.RequireCgroups();
        var (exit, output, errors) = await up.RunAsync(Cancel, "run", "--format", "json", "--", "sh", "-c", script);

        Assert.True(exit == code, output + errors);
        var receipt = JsonSerializer.Deserialize<JsonElement>(output);
        Assert.Equal(code, receipt.GetProperty("exitCode").GetInt32());
        Assert.Equal(0, receipt.GetProperty("differenceMicroseconds").GetInt64());
        Assert.True(receipt.GetProperty("kernelMicroseconds").GetInt64() > 0);
        Assert.Equal(receipt.GetProperty("kernelMicroseconds").GetInt64(), receipt.GetProperty("billedMicroseconds").GetInt64());
        Assert.False(Directory.Exists(MeteringUp.RequireCgroups() + receipt.GetProperty("workload").GetString()));
    }

    // The web SDK's own choice is the project's folder, where neither the data nor the files of the README would be found.
    [Fact]
    public async Task Run_by_the_sdk_it_works_where_the_person_stands()
    {
        var directory = Directory.CreateTempSubdirectory("metering-here-").FullName;
        await File.WriteAllTextAsync(Path.Combine(directory, "rules.yaml"), "rules: [{name: mine, kind: mine, match: 'mine-[0-9]+'}]\n", Cancel);
        var configuration = Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/'));
        var project = Path.Combine(RepositoryFiles.Root, "src", "Metering.Cli");
        await using var run = ChildProcess.Start("dotnet", ["run", "--no-build", "-c", configuration, "--project", project, "--", "identify", "--rules", "rules.yaml", "/mine-7"], workingDirectory: directory);

        Assert.True(await run.WaitForExitAsync(TimeSpan.FromSeconds(60), Cancel) == 0, run.Output);
        Assert.Contains("\"kind\":\"mine\"", run.Output);
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task Streams_pass_through_and_the_receipt_comes_last()
    {
        MeteringUp.RequireCgroups();
        var (_, output, errors) = await up.RunAsync(Cancel, "run", "--", "sh", "-c", "echo out; echo err >&2; echo \"$@\"", "-", "--help", "@x");

        Assert.StartsWith("out\n--help @x\n", output);
        Assert.Contains("err\n", errors);
        Assert.Contains("difference   0 µs", output);
    }

    [Fact]
    public async Task A_month_is_shown_at_any_time_and_not_closed_before_it_is_over()
    {
        var month = TimeProvider.System.GetUtcNow().ToString("yyyy-MM", System.Globalization.CultureInfo.InvariantCulture);

        var period = await up.JsonAsync(Cancel, "periods", "show", month);
        Assert.Equal("open", period.GetProperty("state").GetString());
        Assert.Contains("is not over before", period.GetProperty("obstacles")[0].GetString());
        var (code, output, errors) = await up.RunAsync(Cancel, "periods", "close", month);
        Assert.True(code == 1, output + errors);
        Assert.Contains("is not over before", errors);
        Assert.Contains("is open", (await up.RunAsync(Cancel, "periods", "show", month)).Output);

        (code, output, errors) = await up.RunAsync(Cancel, "periods", "show", "tomorrow");
        Assert.True(code == 1 && errors.Contains("write it as 2026-10", StringComparison.Ordinal), output + errors);
        Assert.Empty((await up.JsonAsync(Cancel, "invoices", "list")).GetProperty("invoices").EnumerateArray());
        (code, output, errors) = await up.RunAsync(Cancel, "invoices", "explain", "2026-10-1");
        Assert.True(code == 1 && errors.Contains("no charge '2026-10-1'", StringComparison.Ordinal), output + errors);
    }

    [Fact]
    public async Task A_run_for_a_tenant_is_the_tenants_and_has_a_price()
    {
        MeteringUp.RequireCgroups();
        foreach (var kind in (string[])["tenants", "prices"])
        {
            var (code, output, errors) = await up.RunAsync(Cancel, kind, "apply", "-f", Example(kind));
            Assert.True(code == 0, output + errors);
        }

        var receipt = await up.JsonAsync(Cancel, "run", "--tenant", "acme", "--", "sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done");
        Assert.Equal("acme", receipt.GetProperty("tenant").GetString());
        Assert.Equal("EUR", receipt.GetProperty("currency").GetString());
        Assert.True(receipt.GetProperty("cost").GetDecimal() >= Math.Round(receipt.GetProperty("kernelMicroseconds").GetInt64() / 3_600_000_000m, 9) * 0.04m);
        var rules = await up.JsonAsync(Cancel, "ownership", "list");
        Assert.Single(rules.GetProperty("rules").EnumerateArray(), rule => rule.GetProperty("match").GetProperty("path").GetString() == "/metering/acme/*");
    }

    [Fact]
    public async Task Commands_that_can_not_be_run_end_as_in_a_shell()
    {
        MeteringUp.RequireCgroups();
        Assert.Equal(127, (await up.RunAsync(Cancel, "run", "--", "no-such-command")).Code);
        Assert.Equal(126, (await up.RunAsync(Cancel, "run", "--", "/etc/passwd")).Code);
    }

    [Fact]
    public async Task A_proof_holds_for_a_cgroup_with_children()
    {
        var mount = MeteringUp.RequireCgroups();
        var path = "/prove-" + Path.GetRandomFileName();
        Directory.CreateDirectory(mount + path + "/child");
        JsonElement proof = default;
        try
        {
            await BurnAsync(mount + path + "/child");
            for (var i = 0; i < 100; i++)
            {
                var (code, output, errors) = await up.RunAsync(Cancel, "prove", mount + path, "--format", "json");
                if (output.Length > 0)
                {
                    Assert.True(code == 0, errors);
                    proof = JsonSerializer.Deserialize<JsonElement>(output);
                    if (proof.GetProperty("differenceMicroseconds").GetInt64() == 0) break;
                }

                await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, Cancel);
            }

            Assert.Equal(0, proof.GetProperty("differenceMicroseconds").GetInt64());
            Assert.True(proof.GetProperty("kernelMicroseconds").GetInt64() > 0);
            Assert.Equal(proof.GetProperty("kernelMicroseconds").GetInt64(),
                proof.GetProperty("beforeMeteringMicroseconds").GetInt64() + proof.GetProperty("ledgerMicroseconds").GetInt64() + proof.GetProperty("heldMicroseconds").GetInt64());
            Assert.Equal(path, proof.GetProperty("path").GetString());
            foreach (var field in (string[])["inode", "lastWindowEnd"]) Assert.True(proof.TryGetProperty(field, out _), field);
        }
        finally
        {
            Directory.Delete(mount + path + "/child");
            Directory.Delete(mount + path);
        }

        // Its parent was seen to add up, and what it used stays provable when it is gone.
        var dead = await up.JsonAsync(Cancel, "prove", path);
        Assert.Equal(JsonValueKind.Null, dead.GetProperty("kernelMicroseconds").ValueKind);
        Assert.Equal(proof.GetProperty("kernelMicroseconds").GetInt64(), dead.GetProperty("beforeMeteringMicroseconds").GetInt64() + dead.GetProperty("ledgerMicroseconds").GetInt64() + dead.GetProperty("heldMicroseconds").GetInt64());
        Assert.True(proof.GetProperty("parent").GetProperty("holds").GetBoolean());
        Assert.True((await up.JsonAsync(Cancel, "prove", path + "/child")).GetProperty("above").GetProperty("holds").GetBoolean());
        Assert.Equal("", dead.GetProperty("alarms").GetString());
        Assert.Equal(1, (await up.RunAsync(Cancel, "prove", path + "-never-was")).Code);
    }

    [Fact]
    public async Task Doctor_tells_what_can_be_metered()
    {
        MeteringUp.RequireCgroups();
        var report = await up.JsonAsync(Cancel, "doctor");
        Assert.True(report.GetProperty("ok").GetBoolean());
        Assert.Contains(report.GetProperty("meters").EnumerateArray(), meter => meter.GetProperty("family").GetString() == "cpu" && meter.GetProperty("availability").GetString() == "exact");
        Assert.All(report.GetProperty("checks").EnumerateArray(), check => Assert.Contains(check.GetProperty("state").GetString(), (string[])["ok", "warning"]));
        Assert.Contains(report.GetProperty("checks").EnumerateArray(), check => check.GetProperty("name").GetString() == "service" && check.GetProperty("state").GetString() == "ok");
        foreach (var fact in (string[])["metering", "conservation", "before metering", "estimated", "unscraped", "agent"])
            Assert.Contains(report.GetProperty("checks").EnumerateArray(), check => check.GetProperty("name").GetString() == fact);

        var (code, output, _) = await up.RunAsync(Cancel, "doctor", "--cgroup-root", "/no/such/tree");
        Assert.Equal(1, code);
        Assert.Contains("✗", output);
    }

    [Fact]
    public async Task Doctor_prints_what_a_pass_costs_and_nothing_else()
    {
        MeteringUp.RequireCgroups();
        var (code, output, _) = await up.RunAsync(Cancel, "doctor", "--passes", "5", "--meters", "cpu");
        Assert.Equal(0, code);
        Assert.Equal(["cgroups", "filesPerPass", "cpuMicrosecondsPerPass", "wallMicrosecondsPerPass", "bytesAllocatedPerPass", "prunedCpuMicrosecondsPerPass"],
            JsonSerializer.Deserialize<JsonElement>(output).EnumerateObject().Select(field => field.Name));
    }

    [Fact]
    public async Task The_whole_ledger_is_verified_by_the_service_and_beside_it()
    {
        var ofService = await up.JsonAsync(Cancel, "verify");
        Assert.True(ofService.GetProperty("ok").GetBoolean(), ofService.ToString());
        Assert.True(ofService.GetProperty("rows").GetInt64() > 0);

        var (code, output, errors) = await up.RunWithoutUrlAsync(Cancel, "verify", "--data", up.DataDirectory);
        Assert.True(code == 0, output + errors);
        Assert.Contains("everything adds up", output);

        Assert.Equal(3, (await up.RunAsync(Cancel, "verify", "--url", "http://127.0.0.1:1")).Code);
        Assert.Equal(3, (await up.RunWithoutUrlAsync(Cancel, "verify", "--data", up.DataDirectory + "/none")).Code);
        Assert.Equal(3, (await up.RunAsync(Cancel, "verify", "--key", "wrong")).Code);
    }

    [Fact]
    public async Task What_is_simulated_is_what_the_ledger_has()
    {
        // Another test may have simulated something as well.
        var before = await SimulatedAsync();
        string[] simulate = ["simulate", "--hosts", "3", "--workloads", "11", "--passes", "4", "--seed", "5"];
        var report = await up.JsonAsync(Cancel, simulate);
        Assert.True(report.GetProperty("committed").GetBoolean());
        Assert.Equal((12, 132), (report.GetProperty("batches").GetInt32(), report.GetProperty("records").GetInt32()));

        string[] again = [.. simulate, "--from", report.GetProperty("from").GetString()!];
        Assert.Equal(12, (await up.JsonAsync(Cancel, again)).GetProperty("duplicates").GetInt32());

        var usage = await SimulatedAsync();
        foreach (var total in report.GetProperty("totals").EnumerateObject()) Assert.Equal(total.Value.GetDecimal(), Sum(usage, total.Name) - Sum(before, total.Name));

        async Task<List<JsonElement>> SimulatedAsync() =>
            [.. (await up.JsonAsync(Cancel, "usage", "--group-by", "kind", "--filter", "host:sim-*")).GetProperty("rows").EnumerateArray().Select(row => row.GetProperty("quantities"))];

        static decimal Sum(List<JsonElement> rows, string meter) => rows.Sum(row => row.TryGetProperty(meter, out var quantity) ? quantity.GetDecimal() : 0);
    }

    [Fact]
    public async Task Applying_twice_changes_nothing()
    {
        foreach (var kind in (string[])["tenants", "prices", "webhooks", "plans", "quotas"])
        {
            var first = await up.RunAsync(Cancel, kind, "apply", "-f", Example(kind));
            Assert.True(first.Code == 0, first.Output + first.Errors);
            var second = await up.RunAsync(Cancel, kind, "apply", "-f", Example(kind));
            Assert.All(second.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.EndsWith(" unchanged", line));
        }

        var shop = (await up.JsonAsync(Cancel, "quotas", "list")).EnumerateArray().Single(quota => quota.GetProperty("id").GetString() == "acme-shop-cpu");
        Assert.Equal((1_800_000, "ok"), (shop.GetProperty("effectiveLimit").GetInt32(), shop.GetProperty("state").GetString()));
        Assert.Contains("goes by", (await up.RunAsync(Cancel, "plans", "remove", "gold")).Errors);
    }

    [Fact]
    public async Task A_quota_that_is_reached_is_in_its_history_and_its_faults_are_told_by_line()
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, "quotas:\n  - id: reached\n    subject: { fleet: true }\n    meter: cpuSeconds\n    window: rolling 24h\n    limit: 0.000001\n", Cancel);
            var applied = await up.RunAsync(Cancel, "quotas", "apply", "-f", file);
            Assert.True(applied.Code == 0, applied.Errors);
            var simulate = await up.RunAsync(Cancel, "simulate", "--hosts", "1", "--workloads", "1", "--passes", "1", "--seed", "77");
            Assert.True(simulate.Code == 0, simulate.Errors);
            var entries = new List<JsonElement>();
            for (var tries = 0; entries.Count == 0 && tries < 60; tries++)
            {
                entries = [.. (await up.JsonAsync(Cancel, "quotas", "history", "reached")).EnumerateArray()];
                if (entries.Count == 0) await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System, Cancel);
            }

            Assert.Equal(("ok", "firing", 100), (entries[0].GetProperty("former").GetString(), entries[0].GetProperty("crossing").GetProperty("state").GetString(), entries[0].GetProperty("crossing").GetProperty("threshold").GetInt32()));

            await File.WriteAllTextAsync(file, "quotas:\n  - id: bad\n    subject: { tenant: nobody }\n    meter: cpuHours\n    window: fortnight\n    limit: 0\n    notify: [pager]\n", Cancel);
            var (code, _, errors) = await up.RunAsync(Cancel, "quotas", "apply", "-f", file);
            Assert.Equal(1, code);
            foreach (var (line, fault) in ((int, string)[])[(3, "subject.tenant 'nobody' is unknown"), (4, "meter 'cpuHours' is unknown"), (5, "window 'fortnight' is impossible"), (6, "limit 0 is out of range"), (7, "notify[0] names the webhook 'pager'")])
                Assert.Contains($"{file}:{line}: quotas[0] (bad): {fault}", errors);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task A_draft_of_prices_is_rated_without_effect_and_faults_are_told_by_line()
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, "tenants:\n  - { id: dry, priceBook: draft }\n", Cancel);
            Assert.Equal(0, (await up.RunAsync(Cancel, "tenants", "apply", "-f", file)).Code);
            await File.WriteAllTextAsync(file, "book: draft\nversions:\n  - version: 1\n    currency: EUR\n    prices:\n      - { model: flat, unit: Months, price: 720 }\n", Cancel);

            var (code, output, _) = await up.RunAsync(Cancel, "prices", "apply", "-f", file, "--dry-run", "--periods", "2", "--format", "csv");
            Assert.Equal(0, code);
            var rows = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal("tenant,period,currency,current,draft,difference", rows[0].TrimEnd());
            Assert.Matches(@"^dry,\d{4}-\d{2},EUR,,720,720\s*$", rows[1]);
            Assert.DoesNotContain("draft", (await up.RunAsync(Cancel, "prices", "list")).Output);

            await File.WriteAllTextAsync(file, "book: draft\nversions:\n  - version: 1\n    currency: EUR\n    prices:\n      - meter: cpuSeconds\n        unit: GiB\n        tiers:\n          - { upTo: 5, price: 1 }\n", Cancel);
            foreach (var how in (string[][])[[], ["--dry-run"]])
            {
                var (failed, _, errors) = await up.RunAsync(Cancel, ["prices", "apply", "-f", file, .. how]);
                Assert.Equal(1, failed);
                Assert.Contains($"{file}:7: ", errors);
                Assert.Contains("prices[0].unit 'GiB' is none of cpuSeconds", errors);
                Assert.Contains($"{file}:9: ", errors);
                Assert.Contains("leaves a gap", errors);
            }

            await File.WriteAllTextAsync(file, "contracts:\n  - tenant: dry\n    terms: [{ discount: 10 }]\n    prepaid: [{ id: p, amount: 5 }]\n", Cancel);
            Assert.Equal(0, (await up.RunAsync(Cancel, "contracts", "apply", "-f", file)).Code);
            Assert.Contains("unchanged", (await up.RunAsync(Cancel, "contracts", "apply", "-f", file)).Output);
            Assert.Contains("\"discount\": 10", (await up.RunAsync(Cancel, "contracts", "show", "dry", "--format", "json")).Output);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Every_fault_of_a_file_is_told_with_its_name()
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, "tenants: [{id: 'a b', currency: eur}, {id: c, timeZone: Mars}]", Cancel);
            var (code, _, errors) = await up.RunAsync(Cancel, "tenants", "apply", "-f", file);
            Assert.Equal(1, code);
            Assert.Contains($"{file} has 3 faults", errors);
            Assert.Contains("tenants[1] (c): timeZone 'Mars' is unknown", errors);

            // None is made of a file of which another is refused.
            await File.WriteAllTextAsync(file, "tenants: [{id: half-one}, {id: half-two, timeZone: Mars}]", Cancel);
            Assert.Equal(1, (await up.RunAsync(Cancel, "tenants", "apply", "-f", file)).Code);
            Assert.DoesNotContain("half-one", (await up.RunAsync(Cancel, "tenants", "list")).Output);

            await File.WriteAllTextAsync(file, "quotas: [{id: q, subject: {tenant: a}, meter: cpuSeconds, limit: much}]", Cancel);
            Assert.Contains("quotas[0] (q): limit", (await up.RunAsync(Cancel, "quotas", "apply", "-f", file)).Errors);
        }
        finally
        {
            File.Delete(file);
        }
    }

    public static TheoryData<string, string, string[]> BadFiles => new()
    {
        {
            "prices",
            """
            book: bad
            versions:
              - version: 1
                currency: EUX
                validTo: 2026-06-01T00:00:00Z
                nonsense: 1
                prices:
                  - { meter: cpuSeconds, unit: Core-Hours, model: graduated, tiers: [{ upTo: 100, price: 3 }, { upTo: 50, price: 2 }, { price: 1 }] }
                  - { meter: memoryByteSeconds, unit: GiB-Hours, model: volume, tiers: [{ upTo: 100, price: 3 }, { upTo: 500, price: 99999999999 }] }
                  - { meter: cpuSecs, unit: Core-Hours, price: 1 }
                  - { meter: ioReadBytes, unit: Core-Hours, price: -1 }
                  - { meter: ioWriteBytes, unit: GiB, price: 1, selector: { kind: dokcer } }
              - { version: 2, currency: EUR, validFrom: "2026-05-01T00:00:00Z", prices: [{ meter: cpuSeconds, unit: Core-Hours, price: 1 }] }
              - { version: 3, currency: EUR, validFrom: "2027-05-01T00:00:00Z", prices: [{ meter: cpuSeconds, unit: Core-Hours, price: abc }] }
            """,
            [
                ":6: versions[0].nonsense is unknown", ":4: versions[0] (bad version 1): currency 'EUX' is no ISO 4217 code", ":8: versions[0] (bad version 1): prices[0].tiers[1].upTo 50 is not more than 100, where the tier before ends: the tiers overlap",
                ":9: versions[0] (bad version 1): prices[1].tiers[1].upTo 500 leaves a gap", ":9: versions[0] (bad version 1): prices[1].tiers[1].price 99999999999 is out of range", ":10: versions[0] (bad version 1): prices[2].meter 'cpuSecs' is unknown",
                ":11: versions[0] (bad version 1): prices[3].unit 'Core-Hours' is none of ioReadBytes", ":11: versions[0] (bad version 1): prices[3].price -1 is out of range", ":12: versions[0] (bad version 1): prices[4].selector matches nothing",
                ":13: versions[1] (bad version 2): validFrom overlaps version 1", ":14: versions[2] (bad version 3): prices[0].price is not a number",
            ]
        },
        {
            "contracts",
            """
            contracts:
              - tenant: nobody
                terms: [{ discount: 120, priceBook: none }, { taxRate: -1 }]
              - tenant: nobody2
            """,
            [":2: contracts[0] (nobody): tenant 'nobody' is unknown", ":3: contracts[0] (nobody): terms[0].discount 120 is out of range", "terms[0].priceBook 'none' is unknown", "terms[1].validFrom overlaps terms[0]", "terms[1].taxRate -1 is out of range", ":4: contracts[1] (nobody2): tenant 'nobody2' is unknown"]
        },
        {
            "ownership",
            """
            rules:
              - { match: { path: "/bad*" }, tenant: nobody }
              - { match: { path: "/bad/b*" }, tenant: unattributed }
              - { match: { kind: dokcer }, tenant: unattributed }
              - { match: { path: x }, tenat: unattributed }
            """,
            [":2: rules: rules[0].tenant 'nobody' is unknown", ":3: rules: rules[1].match matches nothing: rules[0] comes first", ":4: rules: rules[2].match.kind 'dokcer' matches nothing", ":5: rules: rules[3].match.path 'x' matches nothing", ":5: rules[3].tenat is unknown", ":5: rules: rules[3].tenant is missing"]
        },
        {
            "allocation",
            """
            versions:
              - { currency: ABC, basis: foo, idle: weights, hosts: [{ perHour: -1 }] }
              - { currency: EUR, shared: [ghost], hosts: [{ perHour: 1, match: { kind: docker } }] }
            """,
            [":2: versions: versions[0].currency 'ABC'", "versions[0].basis 'foo' is unknown", "versions[0].weights is missing", "versions[0].hosts[0].perHour -1 is out of range", ":3: versions: versions[1].validFrom overlaps versions[0]", "versions[1].shared[0] names the tenant 'ghost'", ":3: versions[1].hosts[0].match.kind is unknown"]
        },
    };

    [Theory]
    [MemberData(nameof(BadFiles))]
    public async Task Every_fault_of_a_file_is_told_at_once_by_line_and_field_and_nothing_of_it_is_made(string kind, string content, string[] faults)
    {
        await up.RunAsync(Cancel, "run", "--", "true");
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, content, Cancel);
            var before = kind == "contracts" ? "" : (await up.RunAsync(Cancel, kind, "list")).Output;

            var (code, output, errors) = await up.RunAsync(Cancel, kind, "apply", "-f", file);

            Assert.Equal((1, ""), (code, output));
            Assert.Contains($"has {faults.Length} faults", errors);
            Assert.All(faults, fault => Assert.Contains(fault, errors));
            if (kind != "contracts") Assert.Equal(before, (await up.RunAsync(Cancel, kind, "list")).Output);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Keys_are_made_listed_and_revoked()
    {
        var key = await up.JsonAsync(Cancel, "keys", "create", "--role", "reader", "--tenant", "acme", "--expires", "1d");
        var id = key.GetProperty("id").GetString()!;
        Assert.StartsWith("mtr_reader_", key.GetProperty("secret").GetString());
        Assert.Contains(id, (await up.RunAsync(Cancel, "keys", "list")).Output);
        Assert.Equal(404, (int)await StatusAsync(key.GetProperty("secret").GetString()!, "v1/proof?host=x&path=/"));
        Assert.Equal(0, (await up.RunAsync(Cancel, "keys", "revoke", id)).Code);
        Assert.DoesNotContain(id, (await up.RunAsync(Cancel, "keys", "list")).Output);
    }

    [Fact]
    public async Task Usage_and_cost_come_as_table_json_and_csv()
    {
        foreach (var noun in (string[])["usage", "cost"])
        {
            Assert.True((await up.JsonAsync(Cancel, noun)).TryGetProperty("rows", out _));
            Assert.StartsWith("start,end,workloadId", (await up.RunAsync(Cancel, noun, "--format", "csv")).Output);
            Assert.Contains("workload", (await up.RunAsync(Cancel, noun)).Output);
        }
    }

    [Fact]
    public async Task Prefix_filters_are_exact_about_letters()
    {
        // At another time, so that it does not count among what another test here has simulated.
        await up.JsonAsync(Cancel, "simulate", "--hosts", "1", "--workloads", "1", "--passes", "1", "--from", "2026-09-01T00:00:00Z");
        Assert.NotEqual(0, (await up.JsonAsync(Cancel, "usage", "--from", "2026-09-01", "--to", "2026-09-02", "--filter", "host:sim-*")).GetProperty("rows").GetArrayLength());
        Assert.Equal(0, (await up.JsonAsync(Cancel, "usage", "--from", "2026-09-01", "--to", "2026-09-02", "--filter", "host:SIM-*")).GetProperty("rows").GetArrayLength());
    }

    [Theory]
    [InlineData("usage", "--nope")]
    [InlineData("run")]
    [InlineData("run", "--tenant", "..", "--", "true")]
    [InlineData("simulate", "--hosts", "0")]
    [InlineData("simulate", "--interval", "7s")]
    [InlineData("doctor", "--passes", "0")]
    [InlineData("doctor", "--passes", "1", "--meters", "nope")]
    [InlineData("keys", "create", "--role", "nobody")]
    [InlineData("webhooks", "redeliver", "x")]
    [InlineData("tenants", "apply")]
    public async Task Wrong_use_is_exit_2_and_one_sentence(params string[] arguments)
    {
        var (code, output, errors) = await up.RunAsync(Cancel, arguments);
        Assert.Equal(2, code);
        Assert.Equal("", output);
        Assert.StartsWith("metering: ", errors);
        Assert.DoesNotContain("   at ", errors);
    }

    [Theory]
    [InlineData("run", "--url", "http://127.0.0.1:1", "--", "true")]
    [InlineData("usage", "--url", "http://127.0.0.1:1")]
    public async Task No_service_is_one_sentence(params string[] arguments)
    {
        var (code, _, errors) = await up.RunAsync(Cancel, arguments);
        Assert.Equal(1, code);
        Assert.Contains("can not be reached", errors);
        Assert.Contains("metering up", errors);
    }

    [Fact]
    public async Task Hostile_names_are_inert_in_tables()
    {
        var mount = MeteringUp.RequireCgroups();
        var directory = mount + "/=cmd\u001b[31m\t\"x";
        Directory.CreateDirectory(directory);
        try
        {
            await BurnAsync(directory);
            var output = "";
            for (var i = 0; i < 100 && !output.Contains("=cmd"); i++)
            {
                output = (await up.RunAsync(Cancel, "usage")).Output;
                await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, Cancel);
            }

            Assert.Contains("=cmd", output);
            Assert.DoesNotContain('\u001b', output);
            Assert.All((await up.RunAsync(Cancel, "usage", "--format", "csv")).Output.Split(','), field => Assert.False(field.TrimStart('"').StartsWith('='), field));
        }
        finally
        {
            Directory.Delete(directory);
        }
    }

    private async Task<System.Net.HttpStatusCode> StatusAsync(string key, string path)
    {
        using var client = new HttpClient { BaseAddress = new Uri(up.Url) };
        client.DefaultRequestHeaders.Authorization = new("Bearer", key);
        using var response = await client.GetAsync(new Uri(path, UriKind.Relative), Cancel);
        return response.StatusCode;
    }

    private static async Task BurnAsync(string cgroup)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", "echo $$ > \"$1/cgroup.procs\"; i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done", "sh", cgroup]);
        using var process = Process.Start(start)!;
        await process.WaitForExitAsync(Cancel);
    }

    private static string Example(string kind) => Path.Combine(RepositoryFiles.Root, "deploy", "examples", kind + ".yaml");
}
