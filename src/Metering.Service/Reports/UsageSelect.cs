using System.Data.Common;
using System.Globalization;
using System.Text;

namespace Metering.Service.Reports;

/// <summary>Builds and runs the SELECTs over <c>usage</c>. Values are parameters; only names from our own lists become SQL text.</summary>
internal sealed class UsageSelect(DbConnection connection)
{
    private readonly DbCommand _command = connection.CreateCommand();
    private readonly StringBuilder _where = new();
    private bool _owner, _version;

    public DbCommand Command => _command;

    /// <summary>Restricts to a time range, the query's filters and the caller's tenant.</summary>
    public UsageSelect Where(UsageQuery query, long from, long to)
    {
        _where.Append(CultureInfo.InvariantCulture, $"u.bucket >= {from} AND u.bucket < {to}");
        foreach (var (dimension, value) in query.Filters) _where.Append(" AND ").Append(Condition(dimension, value));
        _owner |= query.GroupBy.Any(dimension => dimension.NeedsOwner);
        _version |= query.GroupBy.Any(dimension => dimension.NeedsVersion);
        if (query.Caller.Tenant is not { } tenant) return this;
        _owner = true;
        _where.Append(" AND o.tenant = ").Append(Parameter(tenant));
        return this;
    }

    public UsageSelect WithOwner()
    {
        _owner = true;
        return this;
    }

    /// <summary>The FROM and WHERE; steps join as rows of start and stop.</summary>
    public string From(IReadOnlyList<(long Start, long Stop)>? steps)
    {
        var sql = new StringBuilder(" FROM usage u JOIN workload w ON w.id = u.workload");
        if (_owner) sql.Append(" LEFT JOIN ownership o ON o.workload = u.workload AND u.bucket >= o.valid_from AND u.bucket < o.valid_to");
        if (_version) sql.Append(" LEFT JOIN workload_version f ON f.workload = u.workload AND u.bucket >= f.valid_from AND u.bucket < f.valid_to");
        if (steps is { Count: > 1 }) sql.Append(" JOIN step s ON u.bucket >= s.start AND u.bucket < s.stop");
        return sql.Append(" WHERE ").Append(_where).ToString();
    }

    /// <summary>The WITH that names the steps; empty for one step, whose bounds are the range's.</summary>
    public static string With(IReadOnlyList<(long Start, long Stop)> steps) => steps.Count <= 1 ? "" :
        "WITH step (start, stop) AS (VALUES " + string.Join(", ", steps.Select(step => string.Create(CultureInfo.InvariantCulture, $"({step.Start}, {step.Stop})"))) + ") ";

    public string Parameter(object value)
    {
        var parameter = _command.CreateParameter();
        parameter.ParameterName = "@p" + _command.Parameters.Count.ToString(CultureInfo.InvariantCulture);
        parameter.Value = value;
        _command.Parameters.Add(parameter);
        return parameter.ParameterName;
    }

    /// <summary>Sums of 64-bit rows may pass 64 bits; PostgreSQL's SUM is numeric, SQLite's is cut in halves.</summary>
    public static string Sum(string column, bool postgres) => postgres ? $"SUM(u.{column})" : $"SUM(u.{column} >> 32), SUM(u.{column} & 4294967295)";

    /// <summary>Reads what <see cref="Sum"/> selected and moves on; null when no row knew it.</summary>
    public static decimal? ReadSum(DbDataReader row, bool postgres, ref int at)
    {
        if (postgres)
        {
            var index = at++;
            return row.IsDBNull(index) ? null : row.GetDecimal(index);
        }

        var high = at++;
        var low = at++;
        return row.IsDBNull(high) ? null : row.GetInt64(high) * 4294967296m + row.GetInt64(low);
    }

    /// <summary>The condition of a filter; the caller says whether it restricts or only marks.</summary>
    /// <param name="latest">True to ask for the latest value of what changes over time, where no usage is joined.</param>
    public string Condition(Dimension dimension, string value, bool latest = false)
    {
        _owner |= dimension.NeedsOwner;
        _version |= dimension.NeedsVersion;
        var sql = latest ? dimension.Latest ?? dimension.Sql : dimension.Sql;
        if (dimension.Name == "workload")
        {
            // By the host's own id or by the ledger's.
            var byKey = "w.key = " + Parameter(value);
            return long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? $"({byKey} OR w.id = {Parameter(id)})" : byKey;
        }

        if (!value.EndsWith('*')) return $"{sql} = {Parameter(value)}";

        // Not LIKE, which takes 'A' for 'a' on SQLite.
        var prefix = Parameter(value[..^1]);
        return $"substr({sql}, 1, length({prefix})) = {prefix}";
    }
}
