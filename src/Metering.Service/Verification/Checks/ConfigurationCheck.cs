using System.Runtime.CompilerServices;
using Metering.Service.Ledger;

namespace Metering.Service.Verification.Checks;

/// <summary>Tenants, prices, contracts, rules, quotas and allocations are as the audit trail, which is chained, says that they were left. What the trail does not name is not looked at.</summary>
internal sealed class ConfigurationCheck : IVerifyCheck
{
    // Table, the subject of its changes, its document, and what their actions begin with.
    private static readonly (string Table, string Subject, string Document, string Action)[] Kinds =
    [
        ("price_version", "book || '/' || version", "json", "price-version."), ("contract", "tenant", "json", "contract."), ("quota", "id", "json", "quota."), ("quota_plan", "id", "json", "quota-plan."),
        ("ownership_rules", "''", "json", "ownership-rules."), ("allocation", "''", "json", "allocation."), ("tenant", "id", "", "tenant."),
    ];

    public string Name => "configuration";

    public async IAsyncEnumerable<VerifyEvent> RunAsync(VerifyRun run, [EnumeratorCancellation] CancellationToken cancel)
    {
        await using var connection = await run.Store.OpenReadAsync(cancel);
        await using var snapshot = await VerifyRun.SnapshotAsync(connection, run.Store.IsPostgres, cancel);
        await using var view = new LedgerTransaction(run.Store, connection, snapshot);
        var done = 0L;
        foreach (var (table, subject, document, action) in Kinds)
        {
            var left = new SortedDictionary<string, string?>(StringComparer.Ordinal);
            await using (var rows = await view.Command("SELECT subject, after FROM audit WHERE substr(action, 1, length(@action)) = @action ORDER BY id", ("@action", action)).ExecuteReaderAsync(cancel))
            {
                while (await rows.ReadAsync(cancel)) left[rows.GetString(0)] = rows.IsDBNull(1) ? null : rows.GetString(1);
            }

            var stored = new Dictionary<string, string>(StringComparer.Ordinal);
            await using (var rows = await view.Command(document.Length > 0 ? $"SELECT {subject}, {document} FROM {table}" : "SELECT id, name, time_zone, currency, price_book FROM tenant").ExecuteReaderAsync(cancel))
            {
                while (await rows.ReadAsync(cancel))
                    stored[rows.GetString(0)] = document.Length > 0 ? rows.GetString(1) : Tenants.TenantEndpoints.Audited(rows.GetString(0), rows.GetString(1), rows.GetString(2), rows.GetString(3), rows.GetString(4));
            }

            foreach (var (id, after) in left)
            {
                done++;
                var found = stored.GetValueOrDefault(id);
                if (found == after) continue;
                yield return new VerifyEvent(Name, done, done)
                {
                    Discrepancy = new Discrepancy(table, id.Length > 0 ? id : table, found is null ? "it is missing; the audit trail says that it is there" : after is null ? "it is there; the audit trail says that it was removed" : "it is not what the audit trail says that it was left as"),
                };
            }
        }

        yield return new VerifyEvent(Name, done, done);
    }
}
